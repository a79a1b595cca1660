import { realpathSync } from 'node:fs';

/** Command line that runs a subcommand of this very program, from any directory and as any user. */
export const ownCommand = (...args: readonly string[]): readonly string[] => {
  const script = process.argv[1];
  if (script === undefined) throw new Error('node was started without a script');
  return [process.execPath, realpathSync(script), ...args];
};
