import { serveStdio, serveTcp } from '@probelens/dap/serve';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { printLine } from '../output.js';
import { ownCommand } from '../own-command.js';
import { collectGarbage, keepHeapSmall } from '../small-heap.js';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** "38697", ":38697", "localhost:38697", "[::1]:38697". */
const readAddress = (text: string): Address => {
  const found = /^(?:(?<host>\[[^\]]+\]|[^:[\]]*):)?(?<port>\d{1,5})$/.exec(text)?.groups;
  const port = Number(found?.port);
  if (found === undefined || port > 65_535) {
    throw new UsageError(`--listen "${text}" is not HOST:PORT; for example --listen 127.0.0.1:38697.`);
  }
  const host = (found.host ?? '').replace(/^\[|\]$/g, '');
  return { host: host === '' ? '127.0.0.1' : host, port };
};

/** Loaded with the first program: editors wait for the line that says that the adapter listens. */
const agentWords = async (): Promise<readonly string[]> => {
  const { returnFreedMemory } = await import('@probelens/bpf');
  // Before the program's file is read, which is what leaves most behind.
  returnFreedMemory();
  const { agentCommand } = await import('@probelens/probes');
  return agentCommand(ownCommand('agent'));
};

export const dap: Command = {
  usage: `probelens dap [--listen HOST:PORT] [--delve PATH] [--kernel auto|off]

  The debug adapter, on stdin and stdout.

  --listen HOST:PORT  on a TCP port instead, for any number of sessions of the same user; port 0 takes a free one
  --delve PATH        dlv, where it is not in PATH
  --kernel off        no kernel probes unless the launch arguments name an agent: everything is Delve's`,
  async run(args) {
    keepHeapSmall();
    const { values } = readArguments(args, [], {
      listen: { type: 'string' },
      delve: { type: 'string' },
      kernel: { type: 'string' },
    });
    const { kernel = 'auto' } = values;
    if (kernel !== 'auto' && kernel !== 'off') throw new UsageError(`--kernel "${kernel}" must be auto or off.`);
    const options = {
      agentCommand: kernel === 'off' ? undefined : agentWords,
      keeperCommand: ownCommand('keeper'),
      delvePath: values.delve,
      onSettled: collectGarbage,
    };
    if (values.listen === undefined) {
      await serveStdio(options);
      return exitCode.done;
    }
    const server = await serveTcp({ ...options, ...readAddress(values.listen) });
    // The words of `dlv dap`, which editors wait for.
    printLine(`DAP server listening at: ${server.host}:${server.port}`);
    await server.closed;
    return exitCode.done;
  },
};
