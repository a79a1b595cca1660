/**
 * What a hit costs that does not match: the run with the breakpoint less the run without, over the number of calls. Both
 * debuggers get the same program and condition; Delve gets a run with fewer calls, or this would take minutes. How many
 * calls a run makes is counted by a probe that does nothing else. Times are what the program itself reports.
 */
import { execFileSync } from 'node:child_process';
import { duration, thousands } from './page.js';
import { bareSeconds, type Program } from './programs.js';
import type { Stage } from './stage.js';

export interface Cost {
  readonly program: Program;
  /** Nanoseconds for one hit. */
  readonly kernel: number;
  readonly delve: number;
}

/** Calls to ask for. Delve needs 0.5 to 1 ms for each. */
const delveSize = 3_000;
const kernelSize = 500_000;

/** Bare and probed runs in turn, the least of each counts. Delve's run is long enough to be taken once. */
const rounds = { required: 3, off: 1 } as const;

/** Nanoseconds: no probe is cheaper, so the bare runs were disturbed. */
export const leastCost = 100;

/** Least that the ratio may be for the demo to pass. */
export const leastRatio = 300;

/** How often the program calls the function in this run; `probelens trace` tells. */
const countCalls = (stage: Stage, program: Program, args: readonly string[]): number => {
  const [node = '', ...rest] = stage.command;
  const probe = `${program.function} do count`;
  const trace = [...rest, 'trace', program.path, '--json', '--budget', 'none', '--probe', probe, '--', ...args];
  const output = execFileSync(node, trace, { encoding: 'utf8', env: { ...process.env, ...stage.env } });
  const summary: { readonly probes: readonly { readonly hits: number }[] } = JSON.parse(
    output.trim().split('\n').at(-1) ?? '',
  );
  return summary.probes[0]?.hits ?? 0;
};

const secondsWith = async (
  stage: Stage,
  program: Program,
  kernel: 'required' | 'off',
  args: readonly string[],
): Promise<number> => {
  const session = stage.session();
  const breakpoints = [{ name: program.function, condition: program.never }];
  await session.launch({ program: program.path, args, kernel, breakpoints });
  const stop = await session.stop();
  if (stop !== undefined) throw new Error(`${program.title} stopped although "${program.never}" is never true`);
  await session.close();
  const seconds = program.seconds(session.programOutput);
  if (seconds === undefined) throw new Error(`${program.title} did not report how long it took`);
  return seconds;
};

const measure = async (stage: Stage, program: Program, kernel: 'required' | 'off', size: number): Promise<number> => {
  const { page } = stage;
  const name = kernel === 'off' ? 'Delve' : 'kernel';
  const args = program.run(size);
  page.working(`${thousands(size)} calls, judged by ${name}`);
  const calls = countCalls(stage, program, args);
  let bare = Number.POSITIVE_INFINITY;
  let probed = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds[kernel]; i++) {
    for (let j = 0; j < 2; j++) bare = Math.min(bare, await bareSeconds(program, args, stage.cleanup.begun));
    probed = Math.min(probed, await secondsWith(stage, program, kernel, args));
  }
  const cost = Math.max(leastCost, ((probed - bare) * 1e9) / calls);
  page.line(
    `${`${name}:`.padEnd(8)}${duration(cost)} a hit: ${thousands(calls)} calls in ${duration(probed * 1e9)}, bare ${duration(bare * 1e9)}`,
  );
  return cost;
};

export const measureCost = async (stage: Stage, program: Program): Promise<Cost> => {
  const kernel = await measure(stage, program, 'required', kernelSize);
  const delve = await measure(stage, program, 'off', delveSize);
  if (delve / kernel >= leastRatio) return { program, kernel, delve };
  // What else runs on the machine can only have added to it.
  return { program, kernel: Math.min(kernel, await measure(stage, program, 'required', kernelSize)), delve };
};
