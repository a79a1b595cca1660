import { runAgent } from '@probelens/probes/agent';
import { type Command, readArguments } from '../command.js';
import { keepHeapSmall } from '../small-heap.js';

export const agent: Command = {
  usage: `probelens agent

  The privileged half: loads and attaches probes for whoever started it, over JSON-RPC on stdin and stdout. Debug
  sessions start it themselves; run it by hand only to see whether it starts.`,
  async run(args) {
    // Also where it was not started by `agentCommand`, with flags of its own.
    keepHeapSmall();
    readArguments(args, [], {});
    return await runAgent({
      input: process.stdin,
      output: process.stdout,
      exit: (code) => process.exit(code),
    });
  },
};
