/** One way that is measured, ready for one measurement after the other. Nanoseconds of CLOCK_MONOTONIC. */
export interface Sampler {
  readonly take: () => Promise<bigint>;
  /** Leaves nothing armed, running or stopped; also after a `take` that failed. */
  readonly end: () => Promise<void>;
}

export interface Taken {
  readonly floor: readonly bigint[];
  readonly samples: readonly bigint[];
}

/**
 * Both in turn, so that whatever else the machine does falls on the one as on the other. The first `warm` of each do not
 * count: code is compiled, pages are read.
 */
export const inTurn = async (floor: Sampler, sampler: Sampler, warm: number, count: number): Promise<Taken> => {
  const taken: Record<keyof Taken, bigint[]> = { floor: [], samples: [] };
  for (let round = -warm; round < count; round++) {
    const least = await floor.take();
    const sample = await sampler.take();
    if (round < 0) continue;
    taken.floor.push(least);
    taken.samples.push(sample);
  }
  return taken;
};

/** What has been started for a sampler ends when the rest of its start fails. */
export const endingOnFailure = async (begin: () => Promise<Sampler>, end: () => Promise<void>): Promise<Sampler> => {
  try {
    return await begin();
  } catch (error) {
    await end();
    throw error;
  }
};
