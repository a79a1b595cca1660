import { runKeeper } from '@probelens/dap';
import { type Command, readArguments, UsageError } from '../command.js';

export const keeper: Command = {
  usage: `probelens keeper DESCRIPTORS DELVE

  Started by the debug adapter: leaves the program in order when the adapter is killed.`,
  async run(args) {
    const { positionals } = readArguments(args, ['DESCRIPTORS', 'DELVE'], {});
    const [others = 0, delve = 0] = positionals.map((text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN));
    if (Number.isNaN(others)) throw new UsageError('DESCRIPTORS must be a number.');
    if (Number.isNaN(delve)) throw new UsageError('DELVE must be a process id, or 0.');
    return await runKeeper({ input: process.stdin, output: process.stdout, others, delve });
  },
};
