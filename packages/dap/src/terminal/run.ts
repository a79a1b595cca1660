/** `probelens debug`: a session at a terminal, or one that a script drives. */
import type { ReadStream, WriteStream } from 'node:tty';
import { sentenceOf } from '../errors.js';
import { complete } from './completion.js';
import type { Leaving } from './desk.js';
import { History, stateDirectory } from './history.js';
import { LineEditor } from './line-editor.js';
import { Prompt } from './prompt.js';
import { plainScreen, runScript } from './script.js';
import { SessionDesk } from './session-desk.js';
import { prepare, type TerminalStart, type Wishes } from './start.js';

export interface TerminalOptions extends Wishes {
  /** Command line that serves DAP on its stdin and stdout: `probelens dap`. */
  readonly adapterCommand: readonly string[];
  readonly start: TerminalStart;
  /** Texts of probes to begin with. */
  readonly probes: readonly string[];
  readonly input: ReadStream;
  readonly output: WriteStream;
  /** One sentence each, of a script's commands that failed. */
  readonly complain: (sentence: string) => void;
  readonly env: NodeJS.ProcessEnv;
}

/** How a process that a signal ends is seen by its shell: 128 and the signal's number. */
const signalCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131 } as const;

interface Ending {
  readonly how: Leaving;
  readonly code: number;
}

/** Resolves with the exit code when nothing is left of the session: 0, 1 when a command of a script failed. */
export const runTerminal = async (options: TerminalOptions): Promise<number> => {
  const left = new AbortController();
  let end: (ending: Ending) => void = () => undefined;
  const ending = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  const directory = stateDirectory(options.env);
  const attached = options.start.kind === 'running';
  const { start, clean } = prepare(options.start, options);
  const signals = onSignals((code) => end({ how: attached ? 'leave' : 'kill', code }));
  let prompt: Prompt | undefined;
  /** Typed while the program is built and loaded. */
  const early: string[] = [];
  const take = (line: string): void => {
    if (prompt === undefined) early.push(line);
    else prompt.take(line);
  };
  const editor = options.input.isTTY
    ? new LineEditor(options.input, options.output, new History(directory), {
        onLine: take,
        onKey: (key) => (prompt === undefined ? early.push(...key.does) : prompt.press(key)),
        onInterrupt: () =>
          prompt === undefined
            ? end({ how: attached ? 'leave' : 'kill', code: signalCodes.SIGINT })
            : prompt.interrupt(),
        onEnd: () => take('quit'),
        onGone: () => end({ how: attached ? 'leave' : 'kill', code: signalCodes.SIGHUP }),
        complete: (line) => complete(desk, line),
      })
    : undefined;
  const desk = new SessionDesk({
    adapterCommand: options.adapterCommand,
    start,
    stateDirectory: directory,
    probes: options.probes,
    screen: editor ?? plainScreen(options.output),
    ask: async (question) => editor?.ask(question),
    onState: () => prompt?.refresh(),
    onLeave: (how, lost) => end({ how, code: lost ? 1 : 0 }),
  });
  let good = true;
  const work = async (): Promise<void> => {
    await desk.open();
    if (editor === undefined) {
      good = await runScript(desk, options.input, options.complain, left.signal);
      end({ how: attached ? 'leave' : 'kill', code: 0 });
    } else {
      prompt = new Prompt(desk, editor);
      prompt.refresh();
      for (const line of early) prompt.take(line);
    }
  };
  const failed = work().catch((error: unknown) => {
    if (left.signal.aborted) return;
    options.complain(sentenceOf(error));
    end({ how: attached ? 'leave' : 'kill', code: 1 });
  });
  const { how, code } = await ending;
  left.abort();
  editor?.close();
  await desk.end(how);
  // A script that waited for the program has been told of its end by now.
  if (editor === undefined) await failed;
  clean();
  signals.off();
  // Node 20 aborts, with a core dump, where it cannot reset a terminal that is gone (src/node.cc, ResetStdio): it dies of the
  // hang-up as other programs do.
  if (code === signalCodes.SIGHUP && editor !== undefined) process.kill(process.pid, 'SIGHUP');
  return code === 0 && !good ? 1 : code;
};

const onSignals = (end: (code: number) => void): { readonly off: () => void } => {
  const listeners = Object.entries(signalCodes).map(([signal, code]) => {
    const listener = (): void => end(code);
    process.on(signal, listener);
    return { signal, listener };
  });
  return { off: () => listeners.forEach(({ signal, listener }) => void process.off(signal, listener)) };
};
