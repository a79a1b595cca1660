/** What a plan shows when nobody named it, and what it says of the rest. */
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFixture } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { loadPlanner, type Planner } from '../../src/plan/planner.js';
import { parseProbeText } from '../../src/spec/text.js';

describe.skipIf(requirement('go').missing)('what is shown unasked', () => {
  let planner: Planner;
  let binary: GoBinary;

  beforeAll(async () => {
    planner = await loadPlanner();
    binary = await openGoBinary(await buildFixture('variety', { flags: [] }));
  });
  afterAll(() => {
    binary.close();
    planner.dispose();
  });

  const planned = (text: string, of: GoBinary = binary) => {
    const parsed = parseProbeText(text);
    if (!parsed.ok) throw new Error(parsed.message);
    const result = planner.plan(parsed.spec, of, { use: 'log' });
    if (!result.ok) throw new Error(`${text}: ${result.refusal.message}`);
    const { plan, notes = [] } = result;
    return {
      shown: plan.captures.map(({ name }) => name),
      sites: plan.sites,
      notes: notes.map(({ code }) => code),
      said: notes,
    };
  };

  test.each([
    ['main.several', ['n'], []],
    ['main.several return', ['r0'], []],
    ['main.fail return', ['err'], []],
    ['main.recovered return', ['result', 'problem'], ['deferred-exits']],
    ['main.several return do snapshot', ['r0'], []],
    ['main.several do count', [], []],
  ])('%s', (text, shown, notes) => {
    expect(planned(text)).toMatchObject({ shown, notes });
  });

  test('a reason for each value that is shown as "?"', () => {
    const { shown, said } = planned('main.floats');
    expect(shown).toEqual(['a', 'b', 'yes']);
    expect(said).toEqual([
      { code: 'arguments-unavailable', message: expect.stringMatching(/^a, b: shown as "\?"\. a .* is in xmm0/) },
    ]);
    expect(planned('main.floats do log "{yes}"').notes).toEqual([]);
  });

  test('functions of one name with differing arguments', () => {
    const { shown, said, sites } = planned('main.(*Stack).Push');
    expect([shown, sites.length]).toEqual([[], 2]);
    expect(said.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^The arguments are not shown, because they differ between main\.\(\*Stack\[\S+\]\)\.Push and main\.\(\*Stack\[\S+\]\)\.Push; probe one of them to see them\.$/,
      ),
    ]);
  });

  test('a program without debug information', async () => {
    const stripped = await openGoBinary(await buildFixture('variety', { flags: ['-ldflags=-s -w'] }));
    expect(planned('main.several', stripped).notes).toEqual(['no-debug-information']);
    expect(planned('main.several return', stripped).said[0]?.message).toMatch(/^The results are not shown: /);
    expect(planned('main.several do count', stripped).notes).toEqual([]);
    stripped.close();
  });

  test('the main package is meant by its import path, alone and with what is below or above it', () => {
    const path = binary.mainPackage ?? '';
    expect(path).toMatch(/variety$/);
    const functions = (text: string) => planned(`${text} do count`).sites.map((site) => site.function);
    const main = functions('main.*');
    expect(main).toContain('main.deep');
    for (const text of [`${path}.*`, `${path}/...`, `${path.slice(0, path.indexOf('/'))}/...`, 'main/...'])
      expect(functions(text)).toEqual(main);
    expect(() => functions(`${path.slice(0, -1)}/...`)).toThrow(/There is no function of/);
  });

  test('functions of a package that set up no frame are counted where the kernel emulates an instruction at their entry', () => {
    const { sites, said } = planned('main/... do count');
    const cheap = sites.filter(({ tier }) => tier !== 1);
    expect(cheap.map((site) => site.function)).toContain('main.several');
    for (const { tier, cost } of cheap) expect([tier, cost]).toEqual(['emulated', sites[0]?.cost]);
    expect(said[0]).toMatchObject({
      code: 'functions-without-site',
      message: expect.stringMatching(
        /^\d+ of \d+ functions have no cheap place at their entry and are left out \(main\./,
      ),
    });
  });

  test('a stop at the inlined copies is in all of them or refused', () => {
    const [partly] = [...binary.inlinedCopies((name) => name.startsWith('runtime.')).keys()].filter((name) => {
      const parsed = parseProbeText(`"${name}" inlined do count`);
      const logged = parsed.ok ? planner.plan(parsed.spec, binary, { use: 'log' }) : undefined;
      return logged?.ok === true && logged.notes?.some(({ code }) => code === 'copies-without-site');
    });
    const parsed = parseProbeText(`"${partly}" inlined do stop`);
    if (!parsed.ok) throw new Error(parsed.message);
    expect(planner.plan(parsed.spec, binary, { avoid: [] })).toMatchObject({
      ok: false,
      refusal: { code: expect.stringMatching(/^(?:partly-inlined|no-copy-site)$/) },
    });
  });
});
