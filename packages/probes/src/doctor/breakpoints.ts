/** Breakpoints that a killed debugger left in programs. */
import { isStopped, processStatus, sendSignal } from '../agent/process-state.js';
import type { StrayBreakpoints } from '../agent/stray-breakpoints.js';
import { type Check, ok, wanting } from './check.js';

/** SIGTRAP is signal 5. */
const trapBit = 1n << 4n;

const title = 'breakpoints';

const shown = ({ target, offsets }: StrayBreakpoints): string =>
  `process ${target.pid} (${offsets.length} in its code)`;

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Of what is not there there is no word. */
const kindsOf = ({ offsets, calls }: StrayBreakpoints): string => {
  const breakpoints = offsets.length - calls.length;
  const kinds = [
    ...(breakpoints > 0 ? [`${plural(breakpoints, 'breakpoint')} of a dead debugger`] : []),
    ...(calls.length > 0 ? [`${plural(calls.length, 'call')} of a dead owner's uprobes`] : []),
  ];
  return kinds.join(' and ');
};

/** Loaded when somebody asks: it is the kernel's side, which nobody else outside the agent needs. */
const kernelSide = () => import('../agent/stray-breakpoints.js');

export const breakpointCheck = async (): Promise<Check> => {
  const found = (await kernelSide()).findStrayBreakpoints();
  if (found.length === 0) return ok('breakpoints', title, 'No program has a breakpoint that nobody looks after.');
  const onlyCalls = found.every(({ offsets, calls }) => offsets.length === calls.length);
  if (onlyCalls)
    return wanting(
      'degraded',
      'breakpoints',
      title,
      `Calls of uprobes that nobody holds any more are in ${found.map(shown).join(', ')}; they do no harm, and cost time whenever they are passed.`,
      'sudo probelens doctor --fix',
    );
  return wanting(
    'degraded',
    'breakpoints',
    title,
    `Breakpoints without a debugger or a known uprobe are in ${found.map(shown).join(', ')}; whoever runs into one that a killed debugger left dies.`,
    'sudo probelens doctor --fix',
  );
};

/** One sentence for each program: what was done, or why nothing was. All processes unless some are named. */
export const mendBreakpoints = async (pids?: readonly number[]): Promise<readonly string[]> => {
  const { findStrayBreakpoints, removeStrayBreakpoints } = await kernelSide();
  return findStrayBreakpoints(pids).map((stray) => {
    const { pid } = stray.target;
    if (stray.refusal !== undefined) return `Process ${pid} was left alone: ${stray.refusal}; restart it.`;
    const result = removeStrayBreakpoints(stray);
    if (result === 'uprobes') return `The breakpoints in process ${pid} are uprobes of some other tool and stay.`;
    if (result !== 'removed') return `Process ${pid} keeps its breakpoints: ${result}`;
    return goOn(pid, `Took ${kindsOf(stray)} out of process ${pid}`);
  });
};

/** Whom the debugger had stopped. */
const goOn = (pid: number, what: string): string => {
  if (!isStopped(pid)) return `${what}.`;
  if (((processStatus(pid)?.pending ?? 0n) & trapBit) !== 0n)
    return `${what}; it is stopped and would die of a pending SIGTRAP if it went on.`;
  sendSignal(pid, 'SIGCONT');
  return `${what} and continued it.`;
};
