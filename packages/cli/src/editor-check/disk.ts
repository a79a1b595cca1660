import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../output.js';

/** Undefined where there is no such file, or none that we may read. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** Packages that a person installed lie beside their configuration, and are not it. */
const passedOver = /^(elpa|straight|eln-cache|node_modules|\.git|pack|plugged|auto-save-list)$/;

/** Files looked at: a configuration has tens of them. */
const fileLimit = 2_000;

/** Texts of the files with one of the endings, in a directory and below it. */
export function textsBelow(directory: string, endings: readonly string[]): readonly string[] {
  const texts: string[] = [];
  const pending = [directory];
  for (let at = pending.pop(); at !== undefined && texts.length < fileLimit; at = pending.pop()) {
    for (const entry of entriesOf(at)) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && !passedOver.test(entry.name)) pending.push(path);
      else if (!entry.isDirectory() && endings.some((ending) => entry.name.endsWith(ending))) {
        const text = textOf(path);
        if (text !== undefined) texts.push(text);
      }
    }
  }
  return texts;
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}
