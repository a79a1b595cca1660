import type { JsonObject } from './message.js';

/** Launch arguments that are ours: Delve never sees them. */
const own = ['kernel', 'probes', 'agent', 'delve', 'dlvFlags', 'steps'] as const;

export const withoutOurs = (args: JsonObject): JsonObject => {
  const rest: Record<string, unknown> = { ...args };
  for (const name of own) delete rest[name];
  return rest;
};
