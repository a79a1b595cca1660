/** What is armed to learn of every crash of a program: places in the runtime, and events of the kernel. */

export interface CrashSource {
  /** In the table of a trace. */
  readonly name: string;
  readonly text: string;
  /** Field with the process that the event is about, where others cause it. */
  readonly subject?: string;
  /** Not every program and kernel has it. */
  readonly optional: boolean;
}

/** Recovered panics told a second: programs that recover thousands are to be counted, not slowed down. */
const recoveredLimit = 20;

/** CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH: their default is not to end the program (signal(7)). */
const harmless = [17, 18, 19, 20, 21, 22, 23, 28];

const unless = harmless.map((each) => `sig != ${each}`).join(' && ');

export const crashSources: readonly CrashSource[] = [
  { name: 'recovered panics', text: `crash:recovered limit ${recoveredLimit}`, optional: false },
  { name: 'panics', text: 'crash:fatal-panic', optional: false },
  { name: 'fatal errors', text: 'crash:throw', optional: false },
  { name: 'signals that the runtime caught', text: 'crash:signal', optional: true },
  { name: 'os.Exit', text: 'crash:exit', optional: true },
  // Above 0 the kernel sends it itself, for a fault of the program's (asm-generic/siginfo.h); -6 is one thread to another.
  {
    name: 'signals that were sent',
    text: `tracepoint:signal:signal_generate if code <= 0 && ${unless} do log`,
    subject: 'pid',
    optional: false,
  },
  {
    name: 'signals without a handler',
    text: `tracepoint:signal:signal_deliver if sa_handler == 0 && ${unless} do log`,
    optional: false,
  },
  { name: 'out-of-memory kills', text: 'tracepoint:oom:mark_victim do log', subject: 'pid', optional: true },
  { name: 'ends with an exit code', text: 'tracepoint:syscalls:sys_enter_exit_group do log', optional: true },
];
