import { agentCommand, type Check, diagnose, mendLeftovers } from '@probelens/probes';
import { type Command, exitCode, readArguments } from '../command.js';
import { printJson, printLine } from '../output.js';
import { ownCommand } from '../own-command.js';

const marks = { ok: 'ok      ', degraded: 'partly  ', broken: 'BROKEN  ' } as const;

const text = ({ state, title, detail, fix }: Check): string =>
  `${marks[state]}${title}: ${detail}${fix === undefined ? '' : `\n            ${fix}`}`;

export const doctor: Command = {
  usage: `probelens doctor [--delve PATH] [--fix] [--json]

  What works on this machine, what does not, and the one command that mends each.

  --delve PATH  dlv, where it is not in PATH
  --fix         continue programs that a crash left stopped
  --json        one object for each check: {id, title, state, detail, fix}

  Exit code 1 when probes cannot work here.`,
  async run(args) {
    const { values } = readArguments(args, [], {
      delve: { type: 'string' },
      fix: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    if (values.fix) for (const sentence of mendLeftovers()) process.stderr.write(`${sentence}\n`);
    const agentProgram = ownCommand('agent');
    const checks = await diagnose({
      agentProgram,
      agentCommand: agentCommand(agentProgram),
      delve: values.delve ?? 'dlv',
    });
    for (const check of checks) {
      if (values.json) printJson(check);
      else printLine(text(check));
    }
    return checks.some(({ state }) => state === 'broken') ? exitCode.failed : exitCode.done;
  },
};
