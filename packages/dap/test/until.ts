/** Waiting for what no event announces: the process table. */
export const until = async (what: string, condition: () => boolean, patienceMs = 20_000): Promise<void> => {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

export const gone = (pid: number | undefined): boolean => {
  if (pid === undefined) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    if (error instanceof Error) return true;
    throw error;
  }
};
