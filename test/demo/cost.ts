/**
 * What a hit costs that does not match: the run with the breakpoint less the run without, over the number of calls. Both
 * debuggers get the same condition; Delve gets fewer calls, or this would take minutes. Where a program makes calls of
 * its own besides those asked for, two runs of different length are compared, so that they cancel out.
 */
import type { DebugSession } from './dap-session.js';
import { duration, thousands } from './page.js';
import { bareSeconds, type Program } from './programs.js';
import type { Stage } from './stage.js';

export interface Cost {
  readonly program: Program;
  /** Nanoseconds for one hit. */
  readonly kernel: number;
  readonly delve: number;
  readonly kernelCalls: number;
  readonly delveCalls: number;
}

/** Delve needs 0.5 to 1 ms for each. */
const delveCalls = 3_000;
const kernelCalls = 500_000;
const fewCalls = 9;

const secondsToEnd = async (session: DebugSession, program: Program): Promise<number> => {
  const stop = await session.stop();
  if (stop !== undefined) throw new Error(`${program.title} stopped although "${program.never}" is never true`);
  await session.close();
  const seconds = program.seconds(session.programOutput);
  if (seconds === undefined) throw new Error(`${program.title} did not report how long it took`);
  return seconds;
};

const secondsWith = async (
  stage: Stage,
  program: Program,
  kernel: 'required' | 'off',
  size: number,
): Promise<number> => {
  const session = stage.session();
  const { args } = program.run(size);
  const breakpoints = [{ name: program.function, condition: program.never }];
  await session.launch({ program: program.path, args, kernel, breakpoints });
  return await secondsToEnd(session, program);
};

/** Nanoseconds for a hit, from a long run and a short one. */
const perHit = async (program: Program, calls: number, timed: (size: number) => Promise<number>): Promise<number> => {
  const long = program.run(calls);
  const short = program.run(fewCalls);
  const bare =
    (await bareSeconds(program, program.run(calls).args)) - (await bareSeconds(program, program.run(fewCalls).args));
  const probed = (await timed(calls)) - (await timed(fewCalls));
  return ((probed - bare) * 1e9) / (long.calls - short.calls);
};

export const measureCost = async (stage: Stage, program: Program): Promise<Cost> => {
  const { page } = stage;
  page.working(`${thousands(kernelCalls)} calls under the kernel's condition`);
  const kernel = await perHit(program, kernelCalls, (size) => secondsWith(stage, program, 'required', size));
  page.line(`kernel: ${duration(kernel)} a hit, over ${thousands(kernelCalls)} calls`);
  page.working(`${thousands(delveCalls)} calls under Delve's condition`);
  const delve = await perHit(program, delveCalls, (size) => secondsWith(stage, program, 'off', size));
  page.line(`Delve:  ${duration(delve)} a hit, over ${thousands(delveCalls)} calls`);
  return { program, kernel, delve, kernelCalls, delveCalls };
};

/** Least that the ratio may be for the demo to pass. */
export const leastRatio = 300;
