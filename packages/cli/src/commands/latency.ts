import { findDelve, keepRun, lastRun, latencyText, measureLatency } from '@probelens/dap';
import { agentCommand } from '@probelens/probes';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { CommandError } from '../failure.js';
import { openVirtualKey } from '../keys/inject/virtual-key.js';
import { printJson, printLine } from '../output.js';
import { ownCommand } from '../own-command.js';

const countOf = (text: string): number => {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new UsageError(`--count "${text}" is not a number from 1 to 99999.`);
  return Number(text);
};

export const latency: Command = {
  usage: `probelens latency [--compare] [--count N] [--delve PATH] [--json]

  How long things take on this machine, beside the least that it needs for anything of the kind: from request to armed,
  from a hit to its event and to \`stopped\` at a client (probe-only, and through Delve), from a system call to its event,
  from a key to its arrival (through a pseudo-terminal, and from a keyboard of its own where the machine has uinput: one key
  that nothing binds, shown to nobody else) and to its DAP request. Each is measured in turn with its floor. The
  program that is looked at is Delve itself, waiting for an editor.

  --compare     the change of each median since the last run (kept in latency.json below XDG_STATE_HOME/probelens)
  --count N     measurements of the quick kinds, 100 unless given; of those that arm or stop a tenth
  --delve PATH  dlv, where it is not in PATH
  --json        one object {at, kernel, node, measures: [{id, title, floor, floorMedian, count, least, median, p99, jitter}],
                left, last?}; times in microseconds; floorMedian: of the floor, taken in turn with it; last: the report of
                the last run, with --compare`,
  async run(args) {
    const { values } = readArguments(args, [], {
      compare: { type: 'boolean' },
      count: { type: 'string' },
      delve: { type: 'string' },
      json: { type: 'boolean' },
    });
    const delve = findDelve({ argument: values.delve, option: undefined, env: process.env, directory: process.cwd() });
    if (!delve.ok)
      throw new CommandError(
        `Delve was not found (looked at ${delve.searched.join(', ')}): it is the program that is looked at; name it with --delve PATH.`,
      );
    const report = await measureLatency({
      agentCommand: agentCommand(ownCommand('agent')),
      adapterCommand: ownCommand('dap'),
      terminalCommand: (pid) => ownCommand('debug', '--probe-only', '--attach', String(pid)),
      delve: delve.path,
      openKey: openVirtualKey,
      count: countOf(values.count ?? '100'),
    });
    const last = values.compare === true ? lastRun(process.env) : undefined;
    if (values.json) printJson(last === undefined ? report : { ...report, last });
    else printLine(latencyText(report, last));
    if (values.compare === true && last === undefined)
      process.stderr.write('probelens: There is no earlier run to compare with; this one is kept.\n');
    keepRun(process.env, report);
    return exitCode.done;
  },
};
