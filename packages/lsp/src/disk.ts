/** Looking at files that anybody may remove, replace or forbid at any time. */
import { type Stats, statSync } from 'node:fs';

/** Undefined where there is nothing, or nothing that we may see. */
export function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
