/** What is said of functions that exist only as inlined copies. */
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { buildFixture } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { parseProbeText } from '../../src/spec/text.js';

describe.skipIf(requirement('go').missing)('inlined copies', () => {
  test('a copy that was merged with other code is named with its place', async () => {
    const binary = await openGoBinary(await buildFixture('orders', { flags: [] }));
    const planner = await loadPlanner();
    const refusal = (text: string) => {
      const parsed = parseProbeText(text);
      if (!parsed.ok) throw new Error(parsed.message);
      const result = planner.plan(parsed.spec, binary);
      return result.ok ? undefined : result.refusal;
    };
    const [copy] = binary.inlinedCopiesOf('main.notional');
    const place = `order.go:${copy?.line}`;
    // The call is on the line "value := notional(o)".
    expect(copy?.line).toBe(20);
    expect(refusal('main.notional inlined do count')).toBeUndefined();
    expect(refusal('main.notional')).toMatchObject({
      code: 'inlined-everywhere',
      message: expect.stringContaining(`probe "main.notional inlined" or the line ${place}`),
    });
    const lost = [...binary.inlinedCopies((name) => /^runtime\.mark/.test(name))].find(
      ([name]) => refusal(`"${name}" inlined do count`)?.code === 'no-copy-site',
    );
    const [name = '', [first] = []] = lost ?? [];
    expect(refusal(`"${name}" inlined do count`)?.message).toContain(
      `inlined into ${first?.caller} at ${first?.file.split('/').at(-1)}:${first?.line}`,
    );
    binary.close();
    planner.dispose();
  });
});
