import { resolve } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import {
  agentCommand,
  exportBpftrace,
  exportBpftraceEvent,
  exportPerf,
  loadPlanner,
  type ProbeSpec,
  type Refusal,
  startAgent,
} from '@probelens/probes';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { CommandError } from '../failure.js';
import { printBytes } from '../output.js';
import { ownCommand } from '../own-command.js';
import { readProbeText } from '../probe-text.js';

const formats = { bpftrace: exportBpftrace, perf: exportPerf } as const;

/** A condition that cannot be read is wrong usage; what the program does not have is not. */
const refused = ({ code, message }: Refusal): Error =>
  code === 'syntax' ? new UsageError(message) : new CommandError(message);

const isFormat = (text: string): text is keyof typeof formats => Object.hasOwn(formats, text);

/** What an event's fields are, only the kernel says, and only to root. */
const exportEvent = async (format: keyof typeof formats, spec: ProbeSpec): Promise<number> => {
  if (format === 'perf')
    throw new CommandError(
      'perf cannot judge this event as the probe does; export it to bpftrace, or use "probelens trace".',
    );
  const agent = await startAgent({ command: agentCommand(ownCommand('agent')) });
  try {
    const written = await exportBpftraceEvent(spec, await agent.sourceFields(spec.target));
    if (!written.ok) throw refused(written.refusal);
    printBytes(Buffer.from(written.text));
    return exitCode.done;
  } finally {
    await agent.dispose();
  }
};

export const exportProbe: Command = {
  usage: `probelens export bpftrace or perf BINARY --probe TEXT

  A script that does the same as the probe with that tool, on stdout.`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['bpftrace or perf', 'BINARY'], { probe: { type: 'string' } });
    const [format = '', path = ''] = positionals;
    if (!isFormat(format)) throw new UsageError(`"${format}" is neither bpftrace nor perf.`);
    const { probe } = values;
    if (probe === undefined) throw new UsageError("Name the probe: --probe 'main.main do count'.");
    const spec = readProbeText(probe);
    if (spec.target.kind === 'tracepoint') return await exportEvent(format, spec);
    // The script may be run from anywhere.
    const binary = await openGoBinary(resolve(path));
    const planner = await loadPlanner();
    try {
      const planned = planner.plan(spec, binary);
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
