/** Which command line reaches a privileged agent from here. */
import { readFileSync } from 'node:fs';

// include/uapi/linux/capability.h: what the agent cannot do without. CAP_SYS_ADMIN implies the first two.
const CAP_SYS_PTRACE = 19n;
const CAP_SYS_ADMIN = 21n;
const CAP_PERFMON = 38n;
const CAP_BPF = 39n;

const effectiveCapabilities = (): bigint => {
  try {
    const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return BigInt(`0x${line?.[1] ?? '0'}`);
  } catch (error) {
    // Not Linux: there is no capability to have.
    if (error instanceof Error && 'code' in error) return 0n;
    throw error;
  }
};

/** Whether this process may itself load programs and read the target's memory. */
export const isPrivileged = (capabilities: bigint = effectiveCapabilities()): boolean => {
  const has = (bit: bigint): boolean => (capabilities & (1n << bit)) !== 0n;
  return has(CAP_SYS_PTRACE) && (has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON)));
};

/**
 * The agent keeps little and makes much garbage. Resident after 1,000,000 events of a storm (node 20, V8's own choice:
 * 162 MB): 83 MB with these. No limit for the old generation: a plan for every function of a large program is large.
 */
const memoryFlags = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--single-threaded-gc',
  '--v8-pool-size=0',
] as const;

/** Only this very node is known to take them: what else a person has set stays as it is. */
const withMemoryFlags = (program: readonly string[]): readonly string[] => {
  const [file, ...rest] = program;
  return file === process.execPath ? [file, ...memoryFlags, ...rest] : program;
};

/**
 * `program` is the whole command of the agent (`["node", "probelens.js", "agent"]`). It is returned as it is when this
 * process is privileged, else behind `sudo -n`, which never asks for a password.
 */
export const agentCommand = (program: readonly string[], privileged: boolean = isPrivileged()): readonly string[] =>
  privileged ? [...withMemoryFlags(program)] : ['sudo', '-n', ...withMemoryFlags(program)];
