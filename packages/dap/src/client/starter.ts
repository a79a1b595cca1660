/**
 * Who started this server. An editor that is killed ends nothing: its server on a port would listen for ever, known to
 * nobody. One that a person put into the background has lost its starter as well, but somebody can still read its output.
 */
import { fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';

const lookEveryMs = 1_000;

export interface StarterOptions {
  readonly output: Writable & { readonly fd?: number };
  /** Process id of the parent, whoever that is by now. */
  readonly parent: () => number;
}

/** A terminal and a file have no reader that could go. */
const isRead = (fd: number | undefined): boolean => {
  if (fd === undefined) return false;
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket();
};

/** Calls `gone` once, when the starter has ended and nobody reads the output. The answer ends the watch. */
export const watchStarter = ({ output, parent }: StarterOptions, gone: () => void): (() => void) => {
  const starter = parent();
  const timer = setInterval(() => {
    if (parent() === starter) return;
    clearInterval(timer);
    if (!isRead(output.fd)) return;
    output.once('error', gone);
    // Writing is the only way to find out; an empty line disturbs nobody.
    output.write('\n');
  }, lookEveryMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    output.off('error', gone);
  };
};
