import { findDelve } from '@probelens/dap';
import { agentCommand, type Check, diagnose, mendBreakpoints, mendLeftovers } from '@probelens/probes';
import { clearStaleSessions, controlDirectory } from '@probelens/probes/control';
import { type Command, exitCode, readArguments } from '../command.js';
import { editorChecks } from '../editor-checks.js';
import { printJson, printLine } from '../output.js';
import { ownCommand } from '../own-command.js';

const marks = { ok: 'ok      ', degraded: 'partly  ', broken: 'BROKEN  ' } as const;

const text = ({ state, title, detail, fix }: Check): string =>
  `${marks[state]}${title}: ${detail}${fix === undefined ? '' : `\n            ${fix}`}`;

/** Breakpoints before stopped programs: what goes on must not run into one. */
const mend = async (): Promise<readonly string[]> => {
  const done = [...(await mendBreakpoints()), ...mendLeftovers()];
  await clearStaleSessions(controlDirectory());
  return done;
};

export const doctor: Command = {
  usage: `probelens doctor [--delve PATH] [--fix] [--json]

  What works on this machine, what does not, and the one command that mends each.

  --delve PATH  dlv, where it is not in PATH, GOBIN, GOPATH/bin or .cache/bin of this directory, of the command, or of their parents
  --fix         remove what a crash left: breakpoints of a killed debugger, programs that stand still, stale sockets
  --json        one object for each check: {id, title, state, detail, fix}

  Exit code 1 when probes cannot work here.`,
  async run(args) {
    const { values } = readArguments(args, [], {
      delve: { type: 'string' },
      fix: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    if (values.fix) for (const sentence of await mend()) process.stderr.write(`${sentence}\n`);
    const agentProgram = ownCommand('agent');
    const option = values.delve;
    const delve = findDelve({
      argument: undefined,
      option,
      env: process.env,
      directory: process.cwd(),
      script: process.argv[1],
    });
    const machine = await diagnose({
      agentProgram,
      agentCommand: agentCommand(agentProgram),
      delve: delve.ok ? delve.path : (option ?? 'dlv'),
    });
    const checks = [...machine, ...(await editorChecks())];
    for (const check of checks) {
      if (values.json) printJson(check);
      else printLine(text(check));
    }
    return checks.some(({ state }) => state === 'broken') ? exitCode.failed : exitCode.done;
  },
};
