/** Every way in which an agent ends, short of SIGKILL. Each takes the probes out before anything else. */
import type { Readable, Writable } from 'node:stream';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import { FrameError } from '../framing.js';

export interface EndingOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly connection: MessageConnection;
  /** Takes everything out of the kernel; synchronous. */
  readonly disarm: () => void;
  /** Ends the process where that is how the probes go. */
  readonly leave: (code: number) => void;
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** Resolves with the exit code: 0 when the client or a signal ended it, 1 after a defect or what is no message. */
export const waitForEnding = (options: EndingOptions): Promise<number> =>
  new Promise((resolve) => {
    const end = (code: number): void => {
      options.leave(code);
      options.disarm();
      for (const signal of SIGNALS) process.off(signal, onSignal);
      process.off('uncaughtException', onDefect);
      process.off('unhandledRejection', onDefect);
      // Whoever ends by a signal or a broken output still has its input open, which would keep the process alive.
      options.input.destroy();
      resolve(code);
    };
    const onSignal = (): void => end(0);
    const onDefect = (error: unknown): void => {
      // First, one after the other: somebody may have stopped reading what is written next.
      options.disarm();
      const message = error instanceof Error ? error.message : String(error);
      process.stderr.write(`probelens agent: ended by a defect, please report it: ${message}\n`);
      end(1);
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
    process.on('uncaughtException', onDefect);
    process.on('unhandledRejection', onDefect);
    options.input.on('end', () => end(0));
    options.input.on('close', () => end(0));
    options.input.on('error', () => end(0));
    // EPIPE: the client is gone, even though its end of the input may still be open somewhere.
    options.output.on('error', () => end(0));
    options.connection.onClose(() => end(0));
    options.connection.onError(([error]) => {
      // Everything else has an ending of its own.
      if (!(error instanceof FrameError)) return;
      options.disarm();
      process.stderr.write(
        `probelens agent: ended, because what came is no message of its protocol: ${error.message}\n`,
      );
      end(1);
    });
  });
