import { openGoBinary } from '@probelens/gosym';
import { loadPlanner } from '@probelens/probes';
import { describe, expect, it } from 'vitest';
import { buildFixture } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { delveReason } from '../src/core/delve-reason.js';
import { specOf } from '../src/kernel/planning.js';

describe('why Delve has a breakpoint', () => {
  it.each([
    [
      'There is no safe place for a probe in order.go:18: it is a call; it stays with the debugger.',
      'In Delve: there is no safe place for a probe in order.go:18: it is a call.',
    ],
    [
      'The kernel cannot evaluate a call of a method; the condition stays with the debugger.',
      'In Delve: the kernel cannot evaluate a call of a method.',
    ],
    [
      'On arm64 a kernel probe cannot stop the program for a debugger; the breakpoint stays with it.',
      'In Delve: on arm64 a kernel probe cannot stop the program for a debugger.',
    ],
    ['Order.price has no frame', 'In Delve: Order.price has no frame.'],
    ['did you mean main.price?', 'In Delve: did you mean main.price?'],
    ['Delve did not stop.', 'In Delve: Delve did not stop.'],
  ])('is one sentence: %s', (message, said) => {
    expect(delveReason(message)).toBe(said);
  });

  it.skipIf(requirement('go').missing)('finds the copies of a function that has no code of its own', async () => {
    const binary = await openGoBinary(await buildFixture('orders'));
    try {
      const names = [...binary.inlinedCopies((callee) => callee.startsWith('main.')).keys()];
      const name = names.find((each) => binary.functionsNamed(each).length === 0) ?? '';
      expect(name).not.toBe('');
      const item = { kind: 'function', name, condition: undefined, action: { kind: 'stop' } } as const;
      const spec = specOf(item, binary);
      if (!spec.ok) throw new Error(spec.message);
      const result = (await loadPlanner()).plan(spec.spec, binary, { use: 'stop' });
      // Where it was inlined, or why it cannot be there: never a function of that name.
      const said = result.ok ? result.plan.sites.map((site) => site.function) : [result.refusal.message];
      expect(said).not.toContain(name);
      expect(said.join(' ')).toMatch(/main\.\w+/);
      expect(specOf({ ...item, name: 'main.prise' }, binary)).toMatchObject({
        ok: false,
        message: expect.stringContaining('main.price'),
      });
    } finally {
      binary.close();
    }
  });
});
