/** A gate that is set in a hot running program traps at once, often before the agent has said that it is armed. */
import { describe, expect, it } from 'vitest';
import { requirement, soaking } from '../../../test/requirements.js';
import { firstOf } from './answers.js';
import { SessionStage } from './session-stage.js';

const rounds = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 120 : 5));

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('a new gate in a hot program', () => {
  const stage = new SessionStage('early');

  it('stops with its name, however soon', { timeout: 600_000 }, async () => {
    const client = await stage.launch(await stage.program('orders', { flags: ['-gcflags=all=-N -l'] }), {
      args: ['1000000000'],
    });
    await client.ask('configurationDone');
    for (let round = 0; round < rounds; round += 1) {
      // The second is armed while the first is hit, and holds the answer up.
      const breakpoints = [
        { name: 'main.price', condition: `o.ID >= ${round}` },
        { name: 'main.(*tally).observe', condition: 'o.ID < 0' },
      ];
      const body = await client.request('setFunctionBreakpoints', { breakpoints });
      const gate = firstOf(body.breakpoints);
      expect(gate.message).toMatch(/^In the kernel/);
      const stop = (await client.next('stopped')).body;
      expect(stop, `round ${round}`).toMatchObject({ reason: 'function breakpoint', hitBreakpointIds: [gate.id] });
      await client.ask('setFunctionBreakpoints', { breakpoints: [] });
      await client.ask('continue', { threadId: stop.threadId });
    }
  });
});
