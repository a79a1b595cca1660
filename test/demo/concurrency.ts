/** Four goroutines reach the breakpoint at nearly the same time, twenty rounds: each match must be shown once. */
import type { Program } from './programs.js';
import type { Stage } from './stage.js';

const size = 20_000;
const condition = 'o.ID % 1000 < 4';

const wanted = (): readonly number[] => Array.from({ length: size }, (_, id) => id).filter((id) => id % 1000 < 4);

export interface Shown {
  readonly matches: number;
  readonly shown: number;
  readonly twice: number;
}

export const demonstrateConcurrency = async (stage: Stage, program: Program): Promise<Shown> => {
  const { page } = stage;
  page.line(`breakpoint at ${program.function}`);
  page.line(`        when ${condition}`);
  const session = stage.session();
  const breakpoints = [{ name: program.function, condition }];
  const args = program.run(size);
  await session.launch({ program: program.path, args, kernel: 'required', breakpoints });
  const seen = new Map<number, number>();
  const goroutines = new Set<number>();
  for (let stop = await session.stop(); stop !== undefined; stop = await session.stop()) {
    const id = Number(await session.evaluate(stop, 'o.ID'));
    seen.set(id, (seen.get(id) ?? 0) + 1);
    goroutines.add(stop.goroutine);
    page.working(`${seen.size} of ${wanted().length} shown`);
    await session.continue(stop);
  }
  await session.close();
  const matches = wanted();
  const shown = matches.filter((id) => seen.has(id)).length;
  const twice = [...seen.values()].filter((count) => count > 1).length;
  page.check(
    shown === matches.length && twice === 0 && seen.size === shown,
    `every match is shown once, by ${goroutines.size} goroutines`,
    `${shown} of ${matches.length}, ${twice} twice`,
  );
  page.check(await stage.quiet(), 'nothing is left behind', stage.leftovers());
  return { matches: matches.length, shown, twice };
};
