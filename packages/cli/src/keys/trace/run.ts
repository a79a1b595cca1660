/** Shows each key until Ctrl+C twice or the end of the input; the terminal is as it was afterwards, whatever ends this. */
import type { ReadStream } from 'node:tty';
import { findDevices, watchDevices } from './devices.js';
import { Matching, PATIENCE_MS, type Report, reportText } from './matching.js';

export interface KeyTraceOptions {
  readonly input: ReadStream;
  /** Records of struct input_event in place of the machine's keyboards. */
  readonly events: string | undefined;
  /** Asks the terminal for kitty's protocol while this runs, so that it tells what it can tell. */
  readonly kitty: boolean;
  readonly json: boolean;
  readonly print: (line: string) => void;
  /** Without a line end: for the terminal itself. */
  readonly control: (sequence: string) => void;
}

/** Between the bytes of one key; Esc alone is decided then. Milliseconds. */
const SEQUENCE_MS = 100;
const CHECK_MS = 100;

const interrupts: ReadonlySet<string> = new Set(['\u0003', '\u001b[99;5u', '\u001b[27;5;99~']);
const endings = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

const esc = '\u001b';

/** Resolves with the signal that ended it, if one did. */
export const traceKeys = async (options: KeyTraceOptions): Promise<NodeJS.Signals | undefined> => {
  const { input, json, print } = options;
  const matching = new Matching();
  const started = process.hrtime.bigint();
  const clock = (): number => Number(process.hrtime.bigint() - started) / 1e6;
  let interrupted = 0;
  let end: (signal: NodeJS.Signals | undefined) => void = () => undefined;
  const over = new Promise<NodeJS.Signals | undefined>((resolve) => {
    end = resolve;
  });
  const show = (reports: readonly Report[]): void => {
    for (const report of reports) {
      print(json ? JSON.stringify(report) : reportText(report));
      interrupted = report.kind === 'arrived' && interrupts.has(report.bytes) ? interrupted + 1 : 0;
      if (interrupted === 2) end(undefined);
    }
  };
  let unfinished: NodeJS.Timeout | undefined;
  const onData = (chunk: Buffer): void => {
    clearTimeout(unfinished);
    show(matching.came(chunk.toString('utf8'), clock()));
    if (matching.isUnfinished) unfinished = setTimeout(() => show(matching.finish(clock())), SEQUENCE_MS);
  };
  const { paths, missing } = findDevices(options.events);
  if (!json) {
    print('Press keys; Ctrl+C twice ends this.');
    if (missing !== undefined) print(`What the kernel sees is not shown: ${missing}.`);
  }
  const onEnd = (): void => end(undefined);
  const handlers = endings.map((signal) => [signal, (): void => end(signal)] as const);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  // Not before the handlers: a signal in between would leave the terminal raw.
  input.setRawMode(true);
  // "Disambiguate escape codes", on a stack of the terminal's.
  if (options.kitty) options.control(`${esc}[>1u`);
  const watched = watchDevices(
    paths,
    ({ name }) => matching.saw(name, clock()),
    (clause) => (json ? undefined : print(`What the kernel sees is not shown: ${clause}.`)),
  );
  const checking = setInterval(() => show(matching.overdue(clock())), Math.min(CHECK_MS, PATIENCE_MS));
  input.on('data', onData);
  input.once('end', onEnd);
  input.once('error', onEnd);
  try {
    return await over;
  } finally {
    watched.close();
    clearInterval(checking);
    clearTimeout(unfinished);
    input.off('data', onData);
    if (options.kitty) options.control(`${esc}[<u`);
    input.setRawMode(false);
    input.pause();
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
};
