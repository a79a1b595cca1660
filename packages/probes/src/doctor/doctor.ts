/** What works on this machine, what does not, and the one command that mends each. */

import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { execa } from 'execa';
import { type AgentClient, startAgent } from '../client/client.js';
import { agentCommand, isPrivileged } from '../client/command.js';
import { AgentFailure } from '../client/errors.js';
import { breakpointCheck } from './breakpoints.js';
import { type Check, ok, wanting } from './check.js';
import { abilityCheck } from './kernel-checks.js';
import { findLeftovers } from './leftovers.js';

export interface DoctorOptions {
  /** Command of the agent without sudo: `[node, probelens.js, "agent"]`. */
  readonly agentProgram: readonly string[];
  /** The same as sessions start it: `agentCommand(agentProgram)`, or what the user has set. */
  readonly agentCommand: readonly string[];
  /** Path or name of Delve. */
  readonly delve: string;
}

/** Never rejects for what is wrong with the machine: that is what the checks say. */
export const diagnose = async (options: DoctorOptions): Promise<readonly Check[]> => {
  const platform = platformCheck();
  const tools = [await goCheck(), await delveCheck(options.delve)];
  // Not Linux on a machine that is known: there is nothing else to look at.
  if (platform.state === 'broken') return [platform, ...tools];
  return [platform, ...(await agentChecks(options)), ...tools, attachCheck(), leftoverCheck(), await breakpointCheck()];
};

const platformCheck = (): Check => {
  const found = `${process.platform} on ${process.arch}`;
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64'))
    return wanting(
      'broken',
      'platform',
      'machine',
      `Kernel probes need Linux on x86-64 or arm64, and this is ${found}; reading binaries, the language server and Delve work.`,
      undefined,
    );
  return process.arch === 'x64'
    ? ok('platform', 'machine', `Linux on x86-64, kernel ${kernelRelease()}.`)
    : wanting(
        'degraded',
        'platform',
        'machine',
        `Linux on arm64, kernel ${kernelRelease()}: counting and logging work, stops stay with Delve.`,
        undefined,
      );
};

const kernelFile = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
};

const kernelRelease = (): string => kernelFile('/proc/sys/kernel/osrelease') ?? 'unknown';

/** As sudoers names a user: by name, or by number where the number has none (a container's user). */
const sudoersUser = (): string => {
  try {
    return userInfo().username;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return `#${process.getuid?.() ?? 0}`;
    throw error;
  }
};

/** The one line that lets this user, and nobody else, start this agent, and nothing else, as root. */
const sudoersCommand = (program: readonly string[]): string => {
  // sudoers(5): commas, colons, equals signs and backslashes in a command are escaped.
  const command = program.map((part) => part.replace(/[,:=\\]/g, '\\$&')).join(' ');
  return `echo '${sudoersUser()} ALL=(root) NOPASSWD: ${command}' | sudo tee /etc/sudoers.d/probelens`;
};

const agentChecks = async (options: DoctorOptions): Promise<readonly Check[]> => {
  const title = 'privileges';
  let agent: AgentClient;
  try {
    agent = await startAgent({ command: options.agentCommand });
  } catch (error) {
    if (!(error instanceof AgentFailure)) throw error;
    const fix =
      error.code === 'agent-not-privileged' ? sudoersCommand(agentCommand(options.agentProgram, true)) : undefined;
    return [wanting('broken', 'privileges', title, error.message, fix)];
  }
  try {
    const how = isPrivileged() ? 'this user may do it' : `by ${options.agentCommand.slice(0, 2).join(' ')}`;
    const first = agent.hello.capable
      ? ok('privileges', title, `The agent starts and can load programs (${how}).`)
      : wanting('broken', 'privileges', title, agent.hello.reason ?? 'The agent cannot load programs.', undefined);
    return [first, ...(await agent.abilities()).map(abilityCheck)];
  } finally {
    await agent.dispose();
  }
};

const installDelve = 'go install github.com/go-delve/delve/cmd/dlv@latest';

const delveCheck = async (delve: string): Promise<Check> => {
  const result = await execa(delve, ['version'], { reject: false, timeout: 10_000 });
  const version = /^Version: (\S+)/m.exec(result.stdout ?? '')?.[1];
  return version === undefined
    ? wanting(
        'degraded',
        'delve',
        'Delve',
        `Delve (${delve}) does not run; tracing works without it, debugging does not.`,
        installDelve,
      )
    : ok('delve', 'Delve', `Version ${version} (${delve}).`);
};

const goCheck = async (): Promise<Check> => {
  const result = await execa('go', ['version'], { reject: false, timeout: 10_000, env: { GOTOOLCHAIN: 'local' } });
  const version = /^go version go(\S+)/.exec(result.stdout ?? '')?.[1];
  return version === undefined
    ? wanting(
        'degraded',
        'go',
        'Go',
        'There is no go in PATH; programs that are built elsewhere can be probed, and Delve cannot build any.',
        'https://go.dev/doc/install',
      )
    : ok('go', 'Go', `Version ${version}.`);
};

/** Yama's kernel.ptrace_scope: 0 = own processes, 1 = own children, 2 = root only, 3 = nobody. */
const attachCheck = (): Check => {
  const scope = Number(kernelFile('/proc/sys/kernel/yama/ptrace_scope') ?? '0');
  const title = 'attaching';
  if (scope === 0 || (scope < 3 && process.getuid?.() === 0))
    return ok('ptrace-scope', title, 'Running programs can be debugged.');
  return wanting(
    'degraded',
    'ptrace-scope',
    title,
    `kernel.yama.ptrace_scope is ${scope}: Delve cannot attach to a running program; programs that it starts, and traces, are not concerned.`,
    scope === 3 ? undefined : 'sudo sysctl kernel.yama.ptrace_scope=0',
  );
};

const leftoverCheck = (): Check => {
  const stopped = findLeftovers().filter((each) => each.kind === 'stopped');
  const title = 'leftovers';
  if (stopped.length === 0) return ok('leftovers', title, 'No program was left stopped.');
  const pids = stopped.map((each) => each.pid).join(', ');
  return wanting(
    'degraded',
    'leftovers',
    title,
    `A crash left these programs stopped: ${pids}.`,
    'probelens doctor --fix',
  );
};
