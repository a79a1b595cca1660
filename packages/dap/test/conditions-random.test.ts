/**
 * Random conditions at random lines and functions: who evaluates them must not matter. The programs run on one
 * goroutine, so that Delve alone drops nothing and both runs have one right order.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requirement, soaking } from '../../../test/requirements.js';
import { conditionOver, hitConditionArbitrary } from './random-conditions.js';
import { type Asked, placesIn, type Run, recordHits, type Surveyed, spoken, survey } from './recorded-hits.js';
import { SessionStage } from './session-stage.js';

/** Conditions set at once: enough for neighbours to meet. */
const together = soaking ? 7 : 3;
const conditionsEach = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 67 : together));
const seed = Number(process.env.PROBELENS_SEED ?? 1000);

const programs = [
  { title: 'optimised', fixture: 'variety', flags: [], args: ['2'] },
  { title: 'unoptimised', fixture: 'places', flags: ['-gcflags=all=-N -l'], args: [] },
  { title: 'generic, with C', fixture: 'blend', flags: [], args: ['14'] },
] as const;

const conditionAt = ({ place, variables }: Surveyed, number: number): readonly Asked[] => {
  const arbitrary = conditionOver(variables);
  if (arbitrary === undefined) return [];
  const [condition] = fc.sample(arbitrary, { seed: number, numRuns: 1 });
  const [hitCondition] = fc.sample(hitConditionArbitrary, { seed: number + 1, numRuns: 1 });
  return [{ place, condition, hitCondition }];
};

/**
 * Where it stopped, and by which breakpoint. Delve names none when a condition cannot be evaluated; the adapter knows
 * all the same, which is not what is compared here.
 */
const told = (run: Run, other: Run, asked: readonly Asked[]): readonly string[] =>
  run.hits.map((hit, number) => {
    const known = other.hits[number]?.asked.length === 0 ? [] : hit.asked;
    const which = known.flatMap((index) => asked[index] ?? []).map(spoken);
    return `${hit.function}:${hit.line} ${which.join(' and ')}`;
  });

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('random conditions', () => {
  const stage = new SessionStage('conditions');
  let inKernel = 0;

  it.each(programs)('stop where Delve alone stops: $title', { timeout: 1_200_000 }, async (about) => {
    const { fixture, flags } = about;
    const program = await stage.program(fixture, { flags: [...flags] });
    const launch = { program, args: [...about.args] };
    const places = placesIn(fixture);
    let tried = 0;
    let here = 0;
    let hits = 0;
    const mostRounds = 10 + (3 * conditionsEach) / together;
    for (let round = 0; tried < conditionsEach && round < mostRounds; round += 1) {
      const base = seed + round * 1000;
      // Three of four places are comments of the compiler's own, never run, or have nothing to ask.
      const chosen = fc.sample(fc.shuffledSubarray([...places], { minLength: together * 4, maxLength: together * 4 }), {
        seed: base,
        numRuns: 1,
      });
      const surveyed = await survey(stage, launch, chosen[0] ?? []);
      const asked = surveyed.flatMap((each, index) => conditionAt(each, base + index)).slice(0, together);
      const alone = await recordHits(stage, { ...launch, kernel: 'off' }, asked);
      const ours = await recordHits(stage, { ...launch, kernel: 'auto' }, asked);
      const what = `round ${round}:\n${asked.map((each, i) => `${spoken(each)} - ${ours.answers[i]?.message}`).join('\n')}\n`;
      expect
        .soft(
          ours.answers.map(({ verified }) => verified),
          what,
        )
        .toEqual(alone.answers.map(({ verified }) => verified));
      expect.soft(told(ours, alone, asked), what).toEqual(told(alone, ours, asked));
      expect(ours.output, what).toBe(alone.output);
      tried += asked.length;
      here += ours.answers.filter(({ message }) => message?.startsWith('In the kernel')).length;
      hits += ours.hits.length;
    }
    process.stdout.write(`${about.title}: ${tried} conditions, ${here} in the kernel, ${hits} hits\n`);
    expect(tried).toBeGreaterThanOrEqual(conditionsEach);
    inKernel += here;
  });

  it('were partly evaluated in the kernel', () => {
    expect(inKernel).toBeGreaterThan(1);
  });
});
