/** Keys of probelens.lua: its tables `lens_keys`, `session_keys` and what else ends in `_keys`. */
import type { Binding } from './binding.js';
import { vimKeys } from './chord.js';
import { type LuaEntry, type LuaValue, luaTable } from './lua.js';
import { type Context, contexts } from './operation.js';

const inSessions: readonly Context[] = ['Delve session', 'probe-only session'];

const strings = (value: LuaValue): readonly string[] =>
  typeof value === 'string' ? [value] : value.entries.flatMap((entry) => strings(entry.value));

/** Throws SyntaxError. */
export const neovimBindings = (file: string, text: string): readonly Binding[] => {
  const bound = (written: string, action: string, line: number, where: readonly Context[]): Binding => ({
    editor: 'nvim',
    keys: vimKeys(written),
    written,
    file,
    line,
    action,
    contexts: where,
    owner: 'probelens',
  });
  const entriesOf = (name: string): readonly LuaEntry[] => {
    const found = luaTable(text, 'M.options').find(({ key }) => key === name)?.value;
    return found === undefined || typeof found === 'string' ? [] : found.entries;
  };
  return [
    ...entriesOf('lens_keys').flatMap(({ key = '', value, line }) =>
      strings(value).map((written) => bound(written, `lens_keys.${key}`, line, contexts)),
    ),
    ...entriesOf('go_keys').flatMap(({ key = '', value, line }) =>
      strings(value).map((action) => bound(key, action, line, ['no session'])),
    ),
    ...entriesOf('session_keys').flatMap(({ key = '', value, line }) =>
      strings(value).map((action) => bound(key, action, line, inSessions)),
    ),
  ];
};
