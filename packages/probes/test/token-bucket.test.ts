/** `limit N` where it is kept by this process; program/gate.ts does the same sums in the kernel (trace.test.ts). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateLimit } from '../src/agent/bpf-load/rate-limit.js';
import { tokenBucket } from '../src/program/token-bucket.js';

const second = 1_000_000_000n;

const admitted = (limit: RateLimit, times: readonly bigint[]): readonly bigint[] =>
  times.filter((time) => limit.admits(time));

describe('a rate limit', () => {
  it('admits a second of it at once, and no more', () => {
    for (const rate of [1, 2, 3, 7, 10, 999, 1000]) {
      const limit = new RateLimit(rate);
      const now = 12_345_678_901_234n;
      expect(admitted(limit, Array(rate + 5).fill(now))).toHaveLength(rate);
      // A second later it is full again, but for what the rounding of the interval takes.
      expect(admitted(limit, Array(rate + 5).fill(now + second + BigInt(rate)))).toHaveLength(rate);
    }
  });

  it('shows all of N hits within a second, whenever they come', () => {
    const hits = fc.integer({ min: 1, max: 200 }).chain((rate) =>
      fc.record({
        rate: fc.constant(rate),
        offsets: fc.array(fc.bigInt({ min: 0n, max: second }), { minLength: rate, maxLength: rate }),
      }),
    );
    fc.assert(
      fc.property(hits, ({ rate, offsets }) => {
        const times = offsets.map((offset) => 5n * second + offset).toSorted((one, other) => (one < other ? -1 : 1));
        expect(admitted(new RateLimit(rate), times)).toEqual(times);
      }),
    );
  });

  it('holds on average: N for each second, and N more', () => {
    const steps = fc.array(fc.bigInt({ min: 0n, max: second }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), steps, (rate, between) => {
        let now = second;
        const times = between.map((step) => {
          now += step / 50n;
          return now;
        });
        const seconds = Number(now - second) / 1e9;
        expect(admitted(new RateLimit(rate), times).length).toBeLessThanOrEqual(rate + rate * seconds * 1.000001);
      }),
    );
  });

  it('fits the words of a program at every rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000_000 }), (rate) => {
        const { interval, tolerance } = tokenBucket(rate);
        expect(interval).toBeGreaterThanOrEqual(1);
        expect(tolerance).toBeLessThan(2 ** 31);
      }),
    );
  });
});
