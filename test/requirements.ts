/**
 * The one place that decides whether a test can run on this machine. Use:
 *
 *     describe.skipIf(requirement('kernel', 'delve').missing)('...', () => { ... });
 *
 * What is missing is said in one printed line. With PROBELENS_REQUIRE_ALL=1 nothing may be missing: the call throws,
 * and the test file fails.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createMap, KernelError } from '@probelens/bpf';
import { findDelve } from './delve.js';

export type RequirementName =
  | 'kernel'
  | 'delve'
  | 'go'
  | 'bpftool'
  | 'nvim'
  | 'emacs'
  | 'bpftrace'
  | 'perf'
  | 'sudo'
  /** npm's package registry answers. */
  | 'registry';

export interface Requirement {
  readonly missing: boolean;
  /** One sentence when missing. */
  readonly reason: string | undefined;
}

/** linux/capability.h: SYS_ADMIN = 21, PERFMON = 38, BPF = 39, SYS_PTRACE = 19. */
const hasCapabilities = (): boolean => {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  if (line?.[1] === undefined) return false;
  const effective = BigInt(`0x${line[1]}`);
  const has = (bit: bigint): boolean => ((effective >> bit) & 1n) === 1n;
  return has(21n) || (has(38n) && has(39n) && has(19n));
};

const kernel = (): string | undefined => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'kernel stops need Linux on x86-64.';
  if (!hasCapabilities()) return 'this process may not load BPF programs; run the tests as root.';
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'the kernel has no BTF (/sys/kernel/btf/vmlinux).';
  return bpfProblem();
};

/** Capabilities are not all: a container or a lockdown may refuse the system call itself. */
const bpfProblem = (): string | undefined => {
  try {
    createMap({ type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, name: 'requirement' }).close();
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
};

/** Full path of a program, also in the system directories that are not in everybody's PATH. */
export const findProgram = (name: string): string | undefined => {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  for (const directory of directories) {
    if (directory === '') continue;
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch (error) {
      // Not there or not executable: the next directory may have it.
      if (!(error instanceof Error)) throw error;
    }
  }
  return undefined;
};

const program =
  (name: string, install: string, works: readonly string[] = ['--version']) =>
  (): string | undefined => {
    const path = findProgram(name);
    if (path === undefined) return `${name} is not installed; ${install}.`;
    const run = spawnSync(path, works, { stdio: 'ignore' });
    return run.status === 0 ? undefined : `${path} does not run (exit code ${run.status}); ${install}.`;
  };

const checks: Readonly<Record<RequirementName, () => string | undefined>> = {
  kernel,
  delve: () =>
    findDelve() === undefined
      ? 'Delve is not installed; run "npm run demo" once or "go install github.com/go-delve/delve/cmd/dlv@v1.27.2".'
      : undefined,
  go: program('go', 'install Go 1.24 or newer from https://go.dev/dl', ['version']),
  bpftool: program('bpftool', 'install the package bpftool', ['version']),
  nvim: program('nvim', 'install the package neovim'),
  emacs: program('emacs', 'install the packages emacs-nox, elpa-lsp-mode and elpa-dap-mode'),
  bpftrace: program('bpftrace', 'install the package bpftrace'),
  perf: program('perf', 'install the package linux-perf'),
  sudo: program('sudo', 'install the package sudo'),
  registry: () =>
    spawnSync('npm', ['ping'], { stdio: 'ignore', timeout: 30_000 }).status === 0
      ? undefined
      : 'the npm registry does not answer; check the network.',
};

const decided = new Map<RequirementName, string | undefined>();

const decide = (name: RequirementName): string | undefined => {
  if (decided.has(name)) return decided.get(name);
  const reason = checks[name]();
  decided.set(name, reason);
  return reason;
};

/** Throws when something is missing and PROBELENS_REQUIRE_ALL=1. */
export const requirement = (...names: readonly RequirementName[]): Requirement => {
  for (const name of names) {
    const reason = decide(name);
    if (reason === undefined) continue;
    if (process.env.PROBELENS_REQUIRE_ALL === '1') {
      throw new Error(`PROBELENS_REQUIRE_ALL=1 allows no skipped test, but ${reason}`);
    }
    process.stderr.write(`skipped, needs ${name}: ${reason}\n`);
    return { missing: true, reason };
  }
  return { missing: false, reason: undefined };
};

/** True for the long form of a test (`npm run soak`). */
export const soaking = process.env.PROBELENS_SOAK === '1';
