/**
 * The entry of the commands that only read a program, and are over in the time that Node needs to load the others' code:
 * bundled by itself and compiled when the command is built (see build.mjs). bin/probelens.js chooses the entry.
 */
import { UsageError } from './command.js';
import { runCommandLine } from './command-line.js';
import { explain } from './commands/explain.js';
import { functions } from './commands/functions.js';

const commands = { functions, explain };

export const run = (argv: readonly string[]): Promise<number> =>
  runCommandLine(argv, (name) => {
    if (name !== 'functions' && name !== 'explain') throw new UsageError(`There is no command "${name}" here.`);
    return { load: async () => commands[name] };
  });
