/**
 * Hit conditions without a condition, and of log messages: the kernel counts as Delve alone does. The programs run on one
 * goroutine, so that both runs have one right order.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { firstOf, present } from './answers.js';
import { type Asked, type Place, placesIn, recordHits, spoken } from './recorded-hits.js';
import { lineOf } from './session-client.js';
import { SessionStage } from './session-stage.js';

const rounds = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 25 : 2));
const seed = Number(process.env.PROBELENS_SEED ?? 7);
/** Set at once. Most places are passed a few times only. */
const together = 14;

const hitCondition = fc
  .tuple(fc.constantFrom('', '== ', '!= ', '> ', '>= ', '< ', '<= ', '% '), fc.integer({ min: 1, max: 6 }))
  .map(([operator, value]) => `${operator}${value}`);

const programs = [
  { fixture: 'variety', flags: [], args: ['2'] },
  { fixture: 'places', flags: ['-gcflags=all=-N -l'], args: [] },
] as const;

/** Its argument is allocated between the entry and the first line of its body: single steps would end in the runtime. */
const always = (fixture: string): readonly Place[] =>
  fixture !== 'variety' ? [] : [{ kind: 'line', file: closures, line: lineOf(closures, 'func escapes(') + 1 }];
const closures = `${fixtureSources('variety')}/closures.go`;

const order = `${fixtureSources('orders')}/order.go`;

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('hit conditions', () => {
  const stage = new SessionStage('hits');
  let inKernel = 0;
  let hits = 0;

  it.each(programs)('count as in Delve alone: $fixture', { timeout: 1_200_000 }, async ({ fixture, flags, args }) => {
    const launch = { program: await stage.program(fixture, { flags: [...flags] }), args: [...args] };
    const places = placesIn(fixture);
    for (let round = 0; round < rounds; round += 1) {
      const arbitrary = fc.tuple(
        fc.shuffledSubarray([...places], { minLength: together, maxLength: together }),
        fc.array(fc.tuple(hitCondition, fc.boolean()), { minLength: together, maxLength: together }),
      );
      const [chosen, conditions] = fc.sample(arbitrary, { seed: seed + round, numRuns: 1 })[0] ?? [[], []];
      const asked = [...always(fixture), ...chosen].map((place, index): Asked => {
        const [condition, log] = conditions[index] ?? ['1', false];
        return { place, hitCondition: condition, ...(log && place.kind === 'line' && { logMessage: `seen ${index}` }) };
      });
      const alone = await recordHits(stage, { ...launch, kernel: 'off' }, asked);
      const ours = await recordHits(stage, { ...launch, kernel: 'auto' }, asked);
      const what = `round ${round}:\n${asked.map((each, index) => `${spoken(each)} - ${ours.answers[index]?.message}`).join('\n')}\n`;
      const verified = ({ answers }: typeof alone): readonly boolean[] => answers.map((answer) => answer.verified);
      expect.soft(verified(ours), what).toEqual(verified(alone));
      expect.soft(ours.hits, what).toEqual(alone.hits);
      // The program's own lines and those of log messages come by different ways; goroutines have other numbers each time.
      const lines = ({ output }: typeof alone): readonly string[] =>
        output
          .replace(/\[Go \d+\]/g, '[Go]')
          .split('\n')
          .toSorted();
      expect.soft(lines(ours), what).toEqual(lines(alone));
      inKernel += ours.answers.filter(({ message }) => message?.startsWith('In the kernel')).length;
      hits += ours.hits.length;
    }
  });

  it('were partly counted in the kernel', () => {
    process.stdout.write(`hit conditions: ${inKernel} in the kernel, ${hits} hits\n`);
    expect(inKernel).toBeGreaterThan(1);
    expect(hits).toBeGreaterThan(1);
  });

  it('count on when they are changed, and anew when they are set anew', async () => {
    const client = await stage.launch(await stage.program('orders'), { args: ['3000'] });
    const set = async (condition: string | undefined): Promise<string> => {
      const breakpoints = condition === undefined ? [] : [{ name: 'main.price', hitCondition: condition }];
      const body = await client.request('setFunctionBreakpoints', { breakpoints });
      return body.breakpoints[0]?.message ?? '';
    };
    const goOn = async (): Promise<{ readonly event: string; readonly count: string }> => {
      const stop = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (stop.event === 'terminated') return { event: 'terminated', count: '' };
      const { threadId } = stop.body;
      const { stackFrames } = await client.request('stackTrace', { threadId, levels: 1 });
      const { scopes } = await client.request('scopes', { frameId: firstOf(stackFrames).id });
      const { variablesReference } = present(scopes.find(({ name }) => name === 'Kernel'));
      const { variables } = await client.request('variables', { variablesReference });
      const { value } = present(variables.find(({ name }) => name === 'hits'));
      return { event: 'stopped', count: value };
    };
    expect(await set('== 500')).toMatch(/^In the kernel/);
    await client.ask('configurationDone');
    expect(await goOn()).toEqual({ event: 'stopped', count: '500' });
    // Others may have come by before everybody stood still, and Delve would not have counted them.
    expect(await set('== 1000')).toMatch(/^In the kernel/);
    await client.ask('continue', { threadId: 1 });
    expect(await goOn()).toEqual({ event: 'stopped', count: '1000' });
    await set(undefined);
    expect(await set('% 700')).toMatch(/^In the kernel/);
    await client.ask('continue', { threadId: 1 });
    expect(await goOn()).toEqual({ event: 'stopped', count: '700' });
    await client.ask('continue', { threadId: 1 });
    expect(await goOn()).toEqual({ event: 'stopped', count: '1400' });
    await client.ask('continue', { threadId: 1 });
    expect(await goOn()).toEqual({ event: 'terminated', count: '' });
    expect(client.output).toContain('"wrong":0');
  });

  it('stay with Delve where Delve has counted', async () => {
    const client = await stage.launch(await stage.program('orders'), { args: ['300'] });
    const set = async (more: object): Promise<{ readonly message?: string }> => {
      const breakpoints = [{ line: lineOf(order, 'func price('), ...more }];
      return firstOf((await client.request('setBreakpoints', { source: { path: order }, breakpoints })).breakpoints);
    };
    expect((await set({})).message).toBeUndefined();
    // Nothing has run yet: there is no count to lose.
    expect((await set({ hitCondition: '< 3' })).message).toMatch(/^In the kernel/);
    expect((await set({})).message).toBeUndefined();
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const kept = { message: expect.stringMatching(/^In Delve: it has counted/) };
    expect(await set({ hitCondition: '% 100' })).toMatchObject(kept);
    expect(await set({ hitCondition: '% 50' })).toMatchObject(kept);
    await client.ask('continue', { threadId });
    await client.next('stopped');
    await client.ask('disconnect', { terminateDebuggee: true });
  });
});
