/** The agent's answers to what it will not do: a stable code and one sentence with the next step. */
import { ResponseError } from 'vscode-jsonrpc/node';
import { ExpressionTooLarge } from '../program/validate-expression.js';
import type { AgentErrorData } from './protocol.js';

/** JSON-RPC reserves -32768..-32000; the code that matters is `data.code`. */
const REFUSED = -31_000;

export type RefusalCode =
  | 'bad-plan'
  | 'not-capable'
  | 'no-such-process'
  | 'not-your-process'
  | 'not-the-tracer'
  | 'wrong-binary'
  | 'unreadable-binary'
  | 'wrong-build-id'
  | 'changed-file'
  | 'changed-text'
  | 'thread-there'
  | 'no-such-probe'
  | 'unsupported'
  | 'kernel-refused'
  | 'internal';

export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const badPlan = (what: string): Refused =>
  new Refused(
    'bad-plan',
    `The plan cannot be armed: ${what}; plan the probe again with the same version of probelens.`,
  );

export const notCapable = (reason: string): Refused => new Refused('not-capable', reason);

export const noSuchProcess = (pid: number): Refused =>
  new Refused(
    'no-such-process',
    `There is no process ${pid} (any more); start the program again or give the id of a running one.`,
  );

export const notYourProcess = (pid: number, asking: number, owner: number): Refused =>
  new Refused(
    'not-your-process',
    `Process ${pid} belongs to user ${owner} and you are user ${asking}; only root may probe other users' processes.`,
  );

export const notTheTracer = (pid: number, expected: number, actual: number): Refused =>
  new Refused(
    'not-the-tracer',
    actual === 0
      ? `Process ${pid} is not being debugged by process ${expected}, so a stop would kill it; attach the debugger first.`
      : `Process ${pid} is being debugged by process ${actual} and not by ${expected}; stop the probe's session and attach again.`,
  );

export const noSentinels = (): Refused =>
  new Refused(
    'unsupported',
    'This kernel cannot take out two probes of one instruction at once (uprobe_multi, Linux 6.6, and close_range), so a stop inside this line could harm the program; set it at the start of the function, or leave it to the debugger.',
  );

export const hiddenProcess = (pid: number): Refused =>
  new Refused(
    'not-your-process',
    `Process ${pid} has privileges that the agent lacks, which may not look into it; probe another process, or give the agent those too.`,
  );

export const wrongBinary = (pid: number, path: string): Refused =>
  new Refused('wrong-binary', `Process ${pid} does not run ${path}; plan the probe for the binary that it runs.`);

export const unreadableBinary = (path: string, why: string): Refused =>
  new Refused('unreadable-binary', `${path} cannot be read for a probe: ${why}`);

export const wrongBuildId = (path: string): Refused =>
  new Refused(
    'wrong-build-id',
    `${path} is not the build that the probe was planned for; restart the program from the new build, or plan the probe again.`,
  );

export const wrongMachine = (path: string, its: string, ours: string): Refused =>
  new Refused('wrong-binary', `${path} is a program for ${its} and this machine is ${ours}; probe it where it runs.`);

export const changedFile = (path: string, offset: string, planned: string, found: string): Refused =>
  new Refused(
    'changed-file',
    `${path} has the bytes ${found} at ${offset} where the plan has ${planned}; the file changed after planning, plan the probe again.`,
  );

export const foreignBreakpoint = (where: string): Refused =>
  new Refused(
    'changed-text',
    `Somebody else has a breakpoint on the instruction for ${where} (a debugger, perf or bpftrace); remove that one first, or probe another line.`,
  );

export const changedText = (where: string): Refused =>
  new Refused(
    'changed-text',
    `The running program's code for ${where} differs from its file; another tool patched it, restart the program to probe it.`,
  );

export const threadThere = (where: string): Refused =>
  new Refused('thread-there', `A thread stands on the instruction for ${where}; continue, then probe it.`);

export const unsupported = (what: string, instead: string): Refused =>
  new Refused('unsupported', `${what} is not possible for events of the kernel; ${instead}.`);

export const fieldsUnseen = (): Refused =>
  new Refused(
    'unsupported',
    'This tracepoint was made by perf probe or through uprobe_events, and the kernel shows its values to no program; leave out the condition and the names of values, or probe the function itself with `probelens trace`.',
  );

export const noKernelGoroutine = (): Refused =>
  new Refused(
    'unsupported',
    'Goroutines cannot be told apart inside the kernel for this program (its thread-local g was not found); leave out `on ...`.',
  );

export const noKernelStack = (isBpf: boolean): Refused =>
  new Refused(
    'unsupported',
    isBpf
      ? 'Loads of eBPF programs carry no stack; snapshot `tracepoint:syscalls:sys_enter_bpf` instead.'
      : 'The callers of this event are in no Go program that was opened (a shared library, or no Go at all); use `do log`, or snapshot a function of the library.',
  );

export const unknownPerfEvent = (name: string, known: readonly string[]): Refused =>
  new Refused('unsupported', `There is no perf event "${name}"; known are ${known.join(', ')}.`);

export const notListed = (number: number, of: number | undefined): Refused =>
  new Refused(
    'unsupported',
    of === undefined
      ? `\`then\` with the number ${number} needs a list of probes, which this session does not keep; use \`probelens trace\` with all of them.`
      : `\`then\` names probe ${number}, and there ${of === 1 ? 'is one probe' : `are ${of} probes`}, counted from 1; correct the number.`,
  );

export const neverSwitched = (): Refused =>
  new Refused(
    'unsupported',
    'A probe that is `initially off` is for a list of probes that switch each other, which this session does not keep; use `probelens trace` with all of them.',
  );

export const notHalted = (pid: number): Refused =>
  new Refused(
    'no-such-process',
    `No probe of this session can have stopped process ${pid}; continue it with \`kill -CONT\`.`,
  );

export const noSuchProbe = (probe: number): Refused =>
  new Refused('no-such-probe', `There is no armed probe ${probe}; list the armed ones with \`probes\`.`);

/** What the client sees. Anything unexpected becomes one sentence too, never a stack. */
export const asResponse = (error: unknown): ResponseError<AgentErrorData> => {
  if (error instanceof Refused) return new ResponseError(REFUSED, error.message, { code: error.code });
  if (error instanceof ExpressionTooLarge) return new ResponseError(REFUSED, error.message, { code: 'too-large' });
  const message = error instanceof Error ? error.message : String(error);
  return new ResponseError(REFUSED, message, { code: 'internal' });
};
