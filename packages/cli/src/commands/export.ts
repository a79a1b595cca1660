import { resolve } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { exportBpftrace, exportPerf, loadPlanner, parseProbeText, type Refusal } from '@probelens/probes';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { CommandError } from '../failure.js';
import { printBytes } from '../output.js';

const formats = { bpftrace: exportBpftrace, perf: exportPerf } as const;

/** A condition that cannot be read is wrong usage; what the program does not have is not. */
const refused = ({ code, message }: Refusal): Error =>
  code === 'syntax' ? new UsageError(message) : new CommandError(message);

const isFormat = (text: string): text is keyof typeof formats => Object.hasOwn(formats, text);

export const exportProbe: Command = {
  usage: `probelens export bpftrace or perf BINARY --probe TEXT

  A script that does the same as the probe with that tool, on stdout.`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['bpftrace or perf', 'BINARY'], { probe: { type: 'string' } });
    const [format = '', path = ''] = positionals;
    if (!isFormat(format)) throw new UsageError(`"${format}" is neither bpftrace nor perf.`);
    const { probe } = values;
    if (probe === undefined) throw new UsageError("Name the probe: --probe 'main.main do count'.");
    const parsed = parseProbeText(probe);
    if (!parsed.ok)
      throw new UsageError(
        `The probe "${probe}" cannot be read: ${parsed.message} (at character ${parsed.position + 1}).`,
      );
    // The script may be run from anywhere.
    const binary = await openGoBinary(resolve(path));
    const planner = await loadPlanner();
    try {
      const planned = planner.plan(parsed.spec, binary);
      if (!planned.ok) throw refused(planned.refusal);
      const written = formats[format](planned.plan);
      if (!written.ok) throw new CommandError(written.refusal.message);
      printBytes(Buffer.from(written.text));
      return exitCode.done;
    } finally {
      planner.dispose();
      binary.close();
    }
  },
};
