/** What many measurements of one thing come to. Microseconds. */
export interface Distribution {
  readonly count: number;
  readonly least: number;
  readonly median: number;
  readonly p99: number;
  /** Mean difference of one measurement from the one before it: what a person feels as uneven. */
  readonly jitter: number;
}

const rounded = (microseconds: number): number => Math.round(microseconds * 10) / 10;

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Of at least one measurement, in nanoseconds and in the order in which they were made. */
export const distributionOf = (nanoseconds: readonly bigint[]): Distribution => {
  const values = nanoseconds.map((each) => Number(each) / 1e3);
  const sorted = values.toSorted((a, b) => a - b);
  const steps = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? value)));
  const sum = steps.reduce((total, step) => total + step, 0);
  return {
    count: values.length,
    least: rounded(sorted[0] ?? Number.NaN),
    median: rounded(at(sorted, 0.5)),
    p99: rounded(at(sorted, 0.99)),
    jitter: rounded(steps.length === 0 ? 0 : sum / steps.length),
  };
};
