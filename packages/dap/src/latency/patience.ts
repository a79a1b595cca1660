import { LatencyError } from './latency-error.js';

/** A loaded machine is slow; one that does not answer for so long has a defect. Milliseconds. */
const LIMIT_MS = 60_000;

/** `what` begins a sentence: "Delve's answer". */
export const within = async <T>(promise: Promise<T>, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new LatencyError(`${what} did not come in ${LIMIT_MS / 1000} s; try again on a quieter machine.`);
    timer = setTimeout(() => reject(error), LIMIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** CLOCK_MONOTONIC, as the kernel's events have it. Nanoseconds. */
export const now = (): bigint => process.hrtime.bigint();
