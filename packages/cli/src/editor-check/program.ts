/** Whether the command that a configuration names can be started. */
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { isSystemError } from '../output.js';

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
};

/** As an editor finds it: a path, or a name in PATH. */
export function isStartable(program: string): boolean {
  if (isAbsolute(program)) return isExecutable(program);
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((directory) => directory !== '' && isExecutable(join(directory, program)));
}
