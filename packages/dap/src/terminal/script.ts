/** Input that is no terminal: each line is a command, done when the one before it is, the program's next halt included. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Desk } from './desk.js';
import { isComplaint, perform } from './perform.js';
import type { Screen } from './screen.js';

export const plainScreen = (output: Writable): Screen => ({
  print: (text) => void output.write(`${text}\n`),
  programText: (text) => void output.write(text),
  color: false,
  width: 80,
});

/** Resolves with whether every command could be done. Stops reading when `left` is aborted. */
export const runScript = async (
  desk: Desk,
  input: Readable,
  complain: (sentence: string) => void,
  left: AbortSignal,
): Promise<boolean> => {
  let good = true;
  for await (const line of createInterface({ input, signal: left })) {
    try {
      const command = await perform(desk, line);
      if (command?.resumes === true) await desk.program.untilHalt();
    } catch (error) {
      if (!isComplaint(error)) throw error;
      good = false;
      complain(`${line.trim()}: ${error.message}`);
    }
    if (left.aborted) break;
  }
  return good;
};
