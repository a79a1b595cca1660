/** Keys of config.toml: the tables below [keys]. */
import { fieldsOf } from '../editor-check/jsonc.js';
import { parseToml } from '../editor-check/toml.js';
import type { Binding } from './binding.js';
import { helixKeys, type Keys } from './chord.js';
import { contexts } from './operation.js';

interface Found {
  readonly written: string;
  readonly keys: Keys;
  readonly action: string;
}

/** A table is a submenu: its keys follow. */
const found = (table: unknown, before: Keys, prefix: string): readonly Found[] =>
  Object.entries(fieldsOf(table)).flatMap(([written, value]): readonly Found[] => {
    const keys = [...before, ...helixKeys(written)];
    const shown = prefix === '' ? written : `${prefix} ${written}`;
    if (typeof value === 'string') return [{ written: shown, keys, action: value }];
    // Several commands for one key; the first says what it is for.
    if (Array.isArray(value)) return [{ written: shown, keys, action: value.map(String).join(', ') }];
    return found(value, keys, shown);
  });

const lineOf = (text: string, written: string): number => {
  const last = written.split(' ').at(-1) ?? '';
  return text.split('\n').findIndex((line) => line.replaceAll('"', '').startsWith(`${last} =`)) + 1;
};

/** Throws SyntaxError. Normal mode only: the others are for typing. */
export const helixBindings = (file: string, text: string): readonly Binding[] =>
  found(fieldsOf(fieldsOf(parseToml(text)).keys).normal, [], '').map(({ written, keys, action }) => ({
    editor: 'helix',
    keys,
    written,
    file,
    line: lineOf(text, written),
    action,
    contexts,
    owner: 'probelens',
  }));
