/** Places in the Go runtime that every crash comes by, as probe texts name them: `crash:panic`. */

export const crashWhats = ['panic', 'recovered', 'fatal-panic', 'throw', 'signal', 'exit', 'thread-exit'] as const;

/**
 * "panic": a panic begins, whatever becomes of it. "recovered": it is over. "fatal-panic": nobody recovered, the program is
 * about to end. "throw": the runtime gives up ("fatal error: ..."). "signal": a signal that ends the program, in the
 * runtime's handler. "exit": os.Exit. "thread-exit": a goroutine ends that had locked itself to its thread, which ends
 * with it.
 */
export type CrashWhat = (typeof crashWhats)[number];

/**
 * Functions of src/runtime, Go 1.20 to 1.27 (`fatal`: since 1.20, `fatalsignal`: since 1.21), and os.Exit. A plan's sites
 * are in this order.
 */
export const crashFunctions: Readonly<Record<CrashWhat, readonly string[]>> = {
  panic: ['runtime.gopanic'],
  recovered: ['runtime.recovery'],
  'fatal-panic': ['runtime.fatalpanic'],
  throw: ['runtime.throw', 'runtime.fatal'],
  signal: ['runtime.fatalsignal'],
  exit: ['os.Exit'],
  'thread-exit': ['runtime.goexit0'],
};
