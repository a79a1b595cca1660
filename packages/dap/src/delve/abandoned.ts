/**
 * A program that Delve was attached to when it was killed. Attaching stops each thread with SIGSTOP (ptrace(2),
 * PTRACE_ATTACH); when the tracer dies before it has seen that stop, the program stays in state T, and nobody else knows
 * of it before there is a gate and with it a guard.
 */
import { type Message, numberOf, objectOf } from '../core/message.js';
import { statOf } from '../kernel/target.js';

export interface Attached {
  readonly pid: number;
  /** Clock ticks since boot: tells a process from a later one of the same number. */
  readonly startTime: string;
}

/** The program that an attach request is about; undefined where it was stopped before anybody came. */
export const attachedBy = (message: Message): Attached | undefined => {
  if (message.type !== 'request' || message.command !== 'attach') return undefined;
  const pid = numberOf(objectOf(message.arguments).processId);
  const process = pid === undefined ? undefined : statOf(pid);
  if (pid === undefined || process === undefined || process.state === 'T') return undefined;
  return { pid, startTime: process.startTime };
};

/**
 * Stopped, although nobody debugs it any more. Delve that ends a program which it was attached to lets go of it, sends
 * SIGINT, and does not look whether a SIGSTOP of its own comes late (proc.go, Detach; it does where the program lives on).
 */
export const isLeftStopped = ({ pid, startTime }: Attached): boolean => {
  const now = statOf(pid);
  return now?.state === 'T' && now.startTime === startTime;
};

/** SIGCONT takes a stop away that is still to come, too; a program that runs does not notice. */
export const continueAbandoned = ({ pid, startTime }: Attached): void => {
  if (statOf(pid)?.startTime !== startTime) return;
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    // It ended meanwhile, or it is somebody else's, who alone may continue it.
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
};
