/** What both exports share: a result or a reason, and names that no shell takes apart. */
import type { Refusal } from '../plan/plan.js';
import type { ProbeSpec } from '../spec/spec.js';

export type Exported = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly refusal: Refusal };

/** On the way up; becomes a refusal. */
export class NotExportable extends Error {
  override readonly name = 'NotExportable';
}

export const exported = (tool: string, write: () => string): Exported => {
  try {
    return { ok: true, text: write() };
  } catch (error) {
    if (!(error instanceof NotExportable)) throw error;
    const message = `${tool} cannot do this probe: ${error.message}; use "probelens trace".`;
    return { ok: false, refusal: { code: 'not-exportable', message } };
  }
};

/** Throws NotExportable for probes that switch others or wait to be switched on. */
export const requireUnswitched = ({ onMatch, initially }: ProbeSpec): void => {
  if (onMatch !== undefined || initially === 'off') throw new NotExportable('its probes do not switch each other');
};

/** One word of a POSIX shell. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** A line in a comment: nothing that ends it. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
