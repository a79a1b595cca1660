/** The adapter, its agent, guard and keeper as one program, for tests: what the command line does, without it. */
import { appendFileSync } from 'node:fs';
import { runAgent, runGuard } from '@probelens/probes/agent';
import { runKeeper, serveStdio, serveTcp } from '../src/index.js';

const [self, program, kind, argument, delve] = process.argv;

const options = {
  agentCommand: [self ?? '', program ?? '', 'agent'],
  keeperCommand: process.env.PROBELENS_TEST_KEEPER === 'off' ? undefined : [self ?? '', program ?? '', 'keeper'],
  delvePath: process.env.PROBELENS_TEST_DLV,
  controlDirectory: process.env.PROBELENS_TEST_CONTROL ?? (false as const),
  trace:
    process.env.PROBELENS_TEST_TRACE === undefined
      ? undefined
      : (what: object) =>
          appendFileSync(
            String(process.env.PROBELENS_TEST_TRACE),
            `${process.hrtime.bigint() / 1000n} ${JSON.stringify(what, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).slice(0, 2000)}\n`,
          ),
};

switch (kind) {
  case undefined:
  case 'dap':
    if (argument === undefined) {
      await serveStdio(options);
    } else {
      const server = await serveTcp({ ...options, port: Number(argument) });
      process.stdout.write(`listening ${server.port}\n`);
      await server.closed;
    }
    break;
  case 'agent':
    process.exitCode = await runAgent({
      input: process.stdin,
      output: process.stdout,
      exit: (code) => process.exit(code),
    });
    break;
  case 'guard':
    process.exitCode = await runGuard({ input: process.stdin });
    break;
  case 'keeper':
    process.exitCode = await runKeeper({
      input: process.stdin,
      output: process.stdout,
      others: Number(argument),
      delve: Number(delve),
    });
    break;
  default:
    throw new Error(`no such program: ${kind}`);
}
