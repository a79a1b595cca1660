/** What both exports share: a result or a reason, and names that no shell takes apart. */
import type { Refusal } from '../plan/plan.js';

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

/** One word of a POSIX shell. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** A line in a comment: nothing that ends it. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
