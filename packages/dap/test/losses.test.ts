/** A client that does not read: nothing of the session waits for it, and what it was not sent is counted to the last line. */
import { join } from 'node:path';
import { connectControl, liveSessions } from '@probelens/probes/control';
import { describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { firstOf } from './answers.js';
import { lineOf } from './session-client.js';
import { SessionStage } from './session-stage.js';
import { gone, until } from './until.js';

const source = join(fixtureSources('orders'), 'order.go');
const calls = 12_000;
/** A line is a kilobyte and a half: more than the adapter keeps for a client, and than a loopback socket holds. */
const filler = 'x'.repeat(1_500);

const numberIn = (text: string, pattern: RegExp): number =>
  Number((pattern.exec(text)?.[1] ?? 'none').replaceAll(',', ''));

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('a session whose client reads slowly', () => {
  const stage = new SessionStage('losses', (work) => ({ PROBELENS_TEST_CONTROL: join(work, 'run') }));

  /** The adapter has taken every record: the timeline keeps the latest 2,000, of no goroutine as high as this one. */
  const everythingSeen = async (): Promise<void> => {
    const [session] = await liveSessions(join(stage.work, 'run'));
    if (session === undefined) throw new Error('no session is registered');
    const control = await connectControl(session);
    while ((await control.timeline(2 ** 30)).dropped < calls - 2_000)
      await new Promise((resolve) => setTimeout(resolve, 20));
    control.dispose();
  };

  it.each(['with Delve', 'without'])('counts what it does not show (%s)', async (how) => {
    const program = await stage.program('orders');
    const mode = how === 'without' ? 'probe' : 'exec';
    const client = await stage.launch(program, { mode, args: [String(calls)] });
    const set = await client.request('setBreakpoints', {
      source: { path: source },
      breakpoints: [{ line: lineOf(source, 'if o.Qty == 0'), logMessage: `${filler} {o.ID}` }],
    });
    const { id, message } = firstOf(set.breakpoints);
    expect(message).toMatch(/^In the kernel/);
    const { pid } = client;
    expect(pid).toBeGreaterThan(0);
    const configured = client.ask('configurationDone');
    client.stopReading();
    await until('the program ends although nobody reads', () => gone(pid), 120_000);
    await everythingSeen();
    client.readOn();
    expect((await configured).success).toBe(true);
    await client.next('terminated');
    const { output } = client;
    const shown = output.split('\n').filter((line) => line.startsWith('> [Go ')).length;
    const sentences = output.split('\n').filter((line) => line.startsWith(`Lost so far at [${id}] main.price: `));
    const lost = numberIn(sentences.at(-1) ?? '', /: ([\d,]+) \(/);
    expect(shown).toBeGreaterThan(0);
    expect(lost).toBeGreaterThan(0);
    expect(shown + lost).toBe(calls);
    expect(sentences.at(-1)).toMatch(/came faster than the client read/);
  });
});
