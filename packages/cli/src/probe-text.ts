import { type ProbeSpec, parseProbeText } from '@probelens/probes';
import { UsageError } from './command.js';

/** Throws UsageError, with the position as people count it: from 1. */
export const readProbeText = (text: string): ProbeSpec => {
  const parsed = parseProbeText(text);
  if (parsed.ok) return parsed.spec;
  throw new UsageError(`The probe "${text}" cannot be read: ${parsed.message} (at character ${parsed.position + 1}).`);
};
