import { runKeeper } from '@probelens/dap';
import { type Command, readArguments, UsageError } from '../command.js';

export const keeper: Command = {
  usage: `probelens keeper DESCRIPTORS

  Started by the debug adapter: leaves the program in order when the adapter is killed.`,
  async run(args) {
    const { positionals } = readArguments(args, ['DESCRIPTORS'], {});
    const others = Number(positionals[0]);
    if (!Number.isSafeInteger(others) || others < 0) throw new UsageError('DESCRIPTORS must be a number.');
    return await runKeeper({ input: process.stdin, output: process.stdout, others });
  },
};
