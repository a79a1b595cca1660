/** The keyboards of this machine, or files that stand for them. */
import { createReadStream, type ReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../../output.js';
import { InputReader, Keyboard, type SeenKey } from './input-event.js';

const directory = '/dev/input';

export interface Devices {
  readonly paths: readonly string[];
  /** Why the kernel's side is not shown; undefined where it is. */
  readonly missing: string | undefined;
}

/** `given`: a recorded stream, for tests and for keyboards elsewhere. */
export const findDevices = (given: string | undefined): Devices => {
  if (given !== undefined) return { paths: [given], missing: undefined };
  try {
    const paths = readdirSync(directory)
      .filter((name) => name.startsWith('event'))
      .map((name) => join(directory, name));
    return { paths, missing: paths.length === 0 ? `${directory} has no devices` : undefined };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return {
      paths: [],
      missing: error.code === 'ENOENT' ? `there is no ${directory} here` : `${directory} cannot be read`,
    };
  }
};

export interface Watched {
  close(): void;
}

/** `onProblem` is given a clause: "/dev/input/event3 cannot be read (EACCES)". */
export const watchDevices = (
  paths: readonly string[],
  onKey: (key: SeenKey) => void,
  onProblem: (clause: string) => void,
): Watched => {
  const streams = paths.map((path): ReadStream => {
    const reader = new InputReader();
    const keyboard = new Keyboard();
    const stream = createReadStream(path);
    stream.on('data', (chunk) => {
      for (const event of reader.push(Buffer.from(chunk))) {
        const seen = keyboard.see(event);
        if (seen !== undefined) onKey(seen);
      }
    });
    stream.on('error', (error) =>
      onProblem(`${path} cannot be read (${isSystemError(error) ? error.code : error.message})`),
    );
    return stream;
  });
  return {
    close: () => {
      for (const stream of streams) stream.destroy();
    },
  };
};
