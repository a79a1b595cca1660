/** A conditional breakpoint on a hot function: is the stop the right one, and do `next` and `continue` go on from it? */
import { basename } from 'node:path';
import type { DebugSession, Stop } from './dap-session.js';
import { type Program, sourceLine } from './programs.js';
import type { Stage } from './stage.js';

const integer = (text: string): number => Number(/-?\d+/.exec(text)?.[0] ?? Number.NaN);

const readValues = async (session: DebugSession, program: Program, stop: Stop): Promise<readonly string[]> => {
  const values: string[] = [];
  for (const text of program.show) values.push(await session.evaluate(stop, text));
  return values;
};

const showStop = (stage: Stage, program: Program, stop: Stop, values: readonly string[]): void => {
  const { page } = stage;
  page.line(`stopped in goroutine ${stop.goroutine}`);
  for (const frame of stop.frames.slice(0, 3)) {
    page.line(`    ${frame.name}  ${basename(frame.file)}:${frame.line}  ${sourceLine(frame.file, frame.line)}`);
  }
  page.line(`    ${program.show.map((name, i) => `${name} = ${values[i]}`).join('   ')}`);
};

const isInnermost = (stop: Stop, program: Program): boolean => {
  const [frame] = stop.frames;
  return frame?.name.endsWith(program.function.split('/').at(-1) ?? '') ?? false;
};

/** Steps over one line of the goroutine that stopped. */
const checkNext = async (stage: Stage, session: DebugSession, stop: Stop): Promise<void> => {
  await session.request('next', { threadId: stop.goroutine });
  const after = await session.stop();
  const from = stop.frames[0]?.line ?? 0;
  const to = after?.frames[0]?.line ?? 0;
  const same = after?.goroutine === stop.goroutine && after.frames[0]?.name === stop.frames[0]?.name;
  stage.page.check(same && to > from, '`next` goes one line on in the same goroutine', `line ${from} to ${to}`);
};

/** Runs the program with its rare condition; every stop is judged by the values that the debugger shows there. */
export const demonstrateBreakpoint = async (stage: Stage, program: Program, kernel: 'auto' | 'off'): Promise<void> => {
  const { page } = stage;
  const session = stage.session();
  page.line(`breakpoint at ${program.function}`);
  page.line(`        when ${program.rare}`);
  page.working('starting the program');
  const args = program.run(program.rareSize);
  const breakpoint = { name: program.function, condition: program.rare };
  const [answer] = await session.launch({ program: program.path, args, kernel, breakpoints: [breakpoint] });
  page.line(`answer: ${answer?.message ?? (answer?.verified ? 'set in Delve' : 'not set')}`);
  if (kernel === 'auto') page.check(/kernel/i.test(answer?.message ?? ''), 'the kernel judges this condition');
  let stops = 0;
  let right = 0;
  let ids = 0;
  for (let stop = await session.stop(); stop !== undefined; stop = await session.stop()) {
    stops++;
    const values = await readValues(session, program, stop);
    if (isInnermost(stop, program) && program.isRight(values.map(integer))) right++;
    if (answer?.id !== undefined && stop.hitBreakpointIds.includes(answer.id)) ids++;
    if (stops === 1) {
      showStop(stage, program, stop, values);
      await checkNext(stage, session, stop);
    }
    await session.continue(stop);
  }
  await session.close();
  const { stops: wanted } = program;
  page.check(right === stops, 'goroutine, function and arguments are right at every stop', `${right} of ${stops}`);
  page.check(stops === wanted, '`continue` reaches every match, and nothing else stops', `${stops} of ${wanted}`);
  if (kernel === 'auto') page.check(ids === stops, 'every stop names its breakpoint', `${ids} of ${stops}`);
  page.check(program.seconds(session.programOutput) !== undefined, 'the program runs to its normal end');
  page.check(await stage.quiet(), 'nothing is left behind', stage.leftovers());
};
