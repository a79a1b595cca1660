/** The timeline beside the program's own diary: when it parked and why, who woke it, and what it asked of the kernel. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { SessionStage } from './session-stage.js';

const rounds = 6;

/** By number, as the toolchain's own source counts them. */
const waitReasons = async (): Promise<readonly string[]> => {
  const { stdout: root } = await execa('go', ['env', 'GOROOT']);
  const source = readFileSync(join(root, 'src/runtime/runtime2.go'), 'utf8');
  const block = /waitReasonZero +waitReason = iota[^\n]*\n([\s\S]*?)\n\)/.exec(source)?.[1] ?? '';
  return ['waitReasonZero', ...block.split('\n').map((line) => line.trim().split(/\s/)[0] ?? '')];
};

interface Deed {
  readonly what: string;
  readonly from: bigint;
  readonly to: bigint;
}

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('the timeline', () => {
  const stage = new SessionStage('diary');

  it('says of one goroutine when and why it parked, that it was woken, and its system calls', async () => {
    const reasons = await waitReasons();
    expect(reasons).toContain('waitReasonSleep');
    const client = await stage.launch(await stage.program('diary'), {
      args: [String(rounds)],
      probes: [
        'runtime.gopark do log "parked {reason}"',
        'runtime.ready do log "made ready {gp.goid}"',
        'tracepoint:syscalls:sys_enter_write do log',
      ],
    });
    // The last of what was asked for before is armed when this is answered.
    await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.note', condition: 'len(what) == 0' }] });
    expect(client.output).not.toMatch(/cannot|no place/);
    await client.ask('configurationDone');
    await client.next('terminated');
    const deeds = [...client.output.matchAll(/^(sleep|lock|write) (\d+) (\d+)$/gm)].map(
      ([, what = '', from = '', to = '']): Deed => ({ what, from: BigInt(from), to: BigInt(to) }),
    );
    expect(deeds).toHaveLength(3 * rounds);
    const { entries } = await client.request('probelens/timeline', {});
    const during = ({ from, to }: Deed): readonly { goroutine: number; text: string }[] =>
      entries.filter(({ time }) => BigInt(time) >= from && BigInt(time) <= to);
    let locks = 0;
    for (const deed of deeds) {
      // Goroutine 1 runs main.
      const own = during(deed).filter(({ goroutine }) => goroutine === 1);
      const parked = own
        .flatMap(({ text }) => /^parked (\d+)/.exec(text)?.[1] ?? [])
        .map((number) => reasons[Number(number)]);
      const woken = during(deed).filter(({ text }) => text === 'made ready 1');
      if (deed.what === 'write') expect(own.map(({ text }) => text).join()).toContain('sys_enter_write');
      else expect(woken, deed.what).toHaveLength(parked.length);
      if (deed.what === 'sleep') expect(parked).toEqual(['waitReasonSleep']);
      // A program that was held up finds its mutex free.
      if (deed.what !== 'lock' || parked.length === 0) continue;
      expect(parked).toEqual(['waitReasonSyncMutexLock']);
      locks += 1;
    }
    expect(locks).toBeGreaterThan(0);
    const times = entries.map(({ time }) => BigInt(time));
    expect(times).toEqual(times.toSorted((a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0)));
  });
});
