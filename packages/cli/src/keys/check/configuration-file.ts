/** A file of a person's configuration, or in words why it tells nothing. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { isSystemError } from '../../output.js';

export type ConfigurationFile =
  | { readonly ok: true; readonly text: string }
  /** A clause. */
  | { readonly ok: false; readonly why: string };

const reasons: Readonly<Record<string, string>> = { EACCES: 'you may not read it', EISDIR: 'it is a directory' };
const isMissing = (code: string | undefined): boolean => code === 'ENOENT' || code === 'ENOTDIR';

/** Undefined where there is none. A byte-order mark is left out. */
export const configurationOf = (path: string): ConfigurationFile | undefined => {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)) };
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, why: 'it is not UTF-8; save it in that encoding' };
    if (!isSystemError(error)) throw error;
    if (isMissing(error.code)) return undefined;
    return { ok: false, why: reasons[error.code ?? ''] ?? `it cannot be read (${error.code})` };
  }
};

/** The first that is there and may not be read. */
export const unreadable = (paths: readonly string[]): string | undefined =>
  paths.find((path) => {
    try {
      accessSync(path, constants.R_OK);
      return false;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return !isMissing(error.code);
    }
  });
