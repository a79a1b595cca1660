/** The adapter tells the keeper the newest state as one line of JSON; the last whole line counts. */

import { isObject } from '../core/message.js';
import type { KeepState } from '../core/output.js';

export const writeStateLine = (state: KeepState): string => `${JSON.stringify(state)}\n`;

export const readStateLine = (line: string): KeepState | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    // Half a line: the adapter was killed while it wrote.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isObject(value) || typeof value.live !== 'boolean') return undefined;
  const { live, pid, sources, functions, instructions, step } = value;
  return {
    live,
    pid: typeof pid === 'number' ? pid : undefined,
    sources: Array.isArray(sources) ? sources.filter((path) => typeof path === 'string') : [],
    functions: functions === true,
    instructions: instructions === true,
    step: step === true,
  };
};
