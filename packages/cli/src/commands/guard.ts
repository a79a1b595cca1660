import { runGuard } from '@probelens/probes/agent';
import { type Command, readArguments } from '../command.js';

export const guard: Command = {
  usage: `probelens guard

  Started by the agent: continues what the agent had stopped when the agent dies.`,
  async run(args) {
    readArguments(args, [], {});
    return await runGuard({ input: process.stdin });
  },
};
