/** `probelens trace` as people run it: a process with arguments, lines of JSON, an exit code. */
import { execa } from 'execa';
import { builtCommand } from '../command.js';

export interface TracedEvent {
  readonly probe: number;
  readonly pid: number;
  readonly tid: number;
  readonly goid: string;
  readonly values: Readonly<Record<string, string>>;
  readonly lost: number;
  readonly at?: string;
  readonly stack?: readonly string[];
}

export interface TracedProbe {
  readonly hits: number;
  readonly matches: number;
  readonly faults: number;
  readonly lost: number;
}

export interface TraceOutput {
  readonly events: readonly TracedEvent[];
  readonly probes: readonly TracedProbe[];
  readonly seconds: number;
  /** Of the program. */
  readonly programExit: number | undefined;
  /** Of the command. */
  readonly exitCode: number | undefined;
  readonly stderr: string;
}

/** Arguments of `trace` for a list of texts; nothing is taken out for being dear. */
export const traceArguments = (texts: readonly string[]): readonly string[] => [
  'trace',
  '--budget',
  'none',
  ...texts.flatMap((text) => ['--probe', text]),
];

/** Reads what `trace --json` printed. */
export const traceOutput = (stdout: string, stderr: string, exitCode: number | undefined): TraceOutput => {
  const lines = stdout.split('\n').filter(Boolean);
  const summary: { probes: readonly TracedProbe[]; seconds: number; exitCode?: number } = JSON.parse(
    lines.pop() ?? '{"probes":[],"seconds":0}',
  );
  return {
    events: lines.map((line): TracedEvent => JSON.parse(line)),
    probes: summary.probes,
    seconds: summary.seconds,
    programExit: summary.exitCode,
    exitCode,
    stderr,
  };
};

/** Starts `program` under the probes and waits for its end. */
export const traceProgram = async (
  texts: readonly string[],
  program: readonly [path: string, ...args: string[]],
  options: readonly string[] = [],
): Promise<TraceOutput> => {
  const [path, ...args] = program;
  const run = await execa(
    process.execPath,
    [await builtCommand(), ...traceArguments(texts), '--json', ...options, path, '--', ...args],
    { stdin: 'ignore', reject: false, maxBuffer: 500_000_000 },
  );
  return traceOutput(run.stdout, run.stderr, run.exitCode);
};
