/** Keys of probelens.el: every `define-key` in the keymaps that it defines, with what `probelens--prefix` adds. */
import type { Binding } from './binding.js';
import { emacsKeys } from './chord.js';
import { isList, type Lisp, type LispList, parseLisp, symbolOf } from './lisp.js';
import { type Context, contexts } from './operation.js';

interface Bound {
  readonly written: string;
  readonly command: string;
  readonly line: number;
}

/** A string, or (kbd "..."). */
const keyOf = (value: Lisp | undefined): string | undefined => {
  if (value === undefined) return undefined;
  if ('text' in value) return value.text;
  return isList(value) && symbolOf(value.items[0]) === 'kbd' ? keyOf(value.items[1]) : undefined;
};

/** #'command, or what a parameter stands for. */
const commandOf = (value: Lisp | undefined, parameters: ReadonlyMap<string, string>): string | undefined => {
  if (isList(value)) return symbolOf(value.items[0]) === 'function' ? symbolOf(value.items[1]) : undefined;
  return parameters.get(symbolOf(value) ?? '');
};

const below = (form: LispList, name: string): readonly LispList[] =>
  form.items.filter(isList).flatMap((each) => (symbolOf(each.items[0]) === name ? [each] : below(each, name)));

class Keymaps {
  private readonly definitions: ReadonlyMap<string, LispList>;

  constructor(forms: readonly LispList[]) {
    this.definitions = new Map(
      forms
        .filter(({ items }) => ['defvar', 'defun'].includes(symbolOf(items[0]) ?? ''))
        .map((form) => [symbolOf(form.items[1]) ?? '', form]),
    );
  }

  /** Names of the variables that hold a map. */
  get names(): readonly string[] {
    return [...this.definitions.keys()].filter((name) => name.endsWith('-map'));
  }

  /** Of a variable that holds a map, or of a function that makes one. */
  bound(name: string, parameters: ReadonlyMap<string, string> = new Map()): readonly Bound[] {
    const form = this.definitions.get(name);
    if (form === undefined) return [];
    const inherited = below(form, 'set-keymap-parent').flatMap(({ items }) => this.bound(symbolOf(items[2]) ?? ''));
    const own = below(form, 'define-key').flatMap((each) => this.defined(each, parameters));
    const made = symbolOf(form.items[0]) === 'defvar' ? this.made(form.items[2], parameters) : [];
    return [...own, ...made, ...inherited];
  }

  /** What the function that is called puts into the map. */
  private made(call: Lisp | undefined, parameters: ReadonlyMap<string, string>): readonly Bound[] {
    const [called, ...given] = isList(call) ? call.items : [call];
    const name = symbolOf(called) ?? '';
    const definition = this.definitions.get(name);
    if (definition === undefined) return [];
    const formal = isList(definition.items[2]) ? definition.items[2].items : [];
    const passed = formal.map(
      (each, index) => [symbolOf(each) ?? '', commandOf(given[index], parameters) ?? ''] as const,
    );
    return this.bound(name, new Map(passed));
  }

  private defined({ items, line }: LispList, parameters: ReadonlyMap<string, string>): readonly Bound[] {
    const [, , key, value] = items;
    const written = keyOf(key);
    if (written === undefined) return [];
    const command = commandOf(value, parameters);
    if (command !== undefined) return [{ written, command, line }];
    return this.made(value, parameters).map((each) => ({ ...each, written: `${written} ${each.written}` }));
  }
}

const inSessions: readonly Context[] = ['Delve session', 'probe-only session'];

/** Throws SyntaxError. */
export const emacsBindings = (file: string, text: string): readonly Binding[] => {
  const maps = new Keymaps(parseLisp(text));
  return maps.names
    .filter((name) => name.endsWith('-mode-map'))
    .flatMap((name) =>
      maps.bound(name).map(
        ({ written, command, line }): Binding => ({
          editor: 'emacs',
          keys: emacsKeys(written),
          written,
          file,
          line,
          action: command,
          contexts: /session|dape/.test(name) ? inSessions : contexts,
          owner: 'probelens',
        }),
      ),
    );
};
