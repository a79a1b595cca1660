/** The table of keys: what the shipped configurations bind, and what each key does in each kind of session. */
import { readEditor } from '../editor-files.js';
import type { Binding, KeyEditor } from './binding.js';
import { type Keys, keysText } from './chord.js';
import { emacsBindings } from './emacs.js';
import { encodingNames, sequenceOf } from './encodings.js';
import { helixBindings } from './helix.js';
import { neovimBindings } from './nvim.js';
import { type Context, contexts, type Effect, operationOf } from './operation.js';
import { ownedBindings } from './owned.js';
import { terminalBindings } from './terminal.js';
import { codeBindings } from './vscode.js';

export interface KeyRow extends Effect {
  readonly editor: KeyEditor;
  /** "Ctrl+Shift+K"; what is no key in brackets. */
  readonly key: string;
  /** As the configuration has it. */
  readonly written: string;
  /** "probelens.lua:21"; "" where another tool owns the key. */
  readonly place: string;
  readonly context: Context;
  /** The editor's name for it. */
  readonly action: string;
  readonly title: string;
  readonly owner: string;
  /** Bytes by encoding; those that cannot be sent are absent. */
  readonly sent: Readonly<Partial<Record<(typeof encodingNames)[number], string>>>;
}

type Parser = (file: string, text: string) => readonly Binding[];

/** The file that holds the keys. */
const keyFiles = {
  nvim: ['probelens.lua', neovimBindings],
  emacs: ['probelens.el', emacsBindings],
  helix: ['config.toml', helixBindings],
  vscode: ['keybindings.json', codeBindings],
} as const satisfies Readonly<Record<Exclude<KeyEditor, 'terminal'>, readonly [string, Parser]>>;

/** What we bind. */
export const shippedBindings = (editor: KeyEditor): readonly Binding[] => {
  if (editor === 'terminal') return terminalBindings();
  const [name, parse] = keyFiles[editor];
  const text = readEditor(editor).files.find((file) => file.name === name)?.text;
  if (text === undefined) throw new Error(`${name} is not among the files of ${editor}`);
  return parse(name, text);
};

const sentBytes = (keys: Keys): KeyRow['sent'] =>
  keys.length === 0 || keys.some(({ key }) => key === 'Leader')
    ? {}
    : Object.fromEntries(
        encodingNames.flatMap((encoding) => {
          const bytes = sequenceOf(keys, encoding);
          return bytes === undefined ? [] : [[encoding, bytes]];
        }),
      );

const rowOf = (binding: Binding, context: Context): KeyRow | undefined => {
  const operation = operationOf(binding.action);
  const effect = operation?.effects[contexts.indexOf(context)];
  if (operation !== undefined && effect === undefined) return undefined;
  const { editor, keys, written, file, line, action, owner } = binding;
  return {
    editor,
    key: keys.length === 0 ? written : keysText(keys),
    written,
    place: file === '' ? '' : line === 0 ? file : `${file}:${line}`,
    context,
    action,
    title: operation?.title ?? action,
    owner,
    request: effect?.request ?? '-',
    delve: effect?.delve ?? '-',
    kernel: effect?.kernel ?? '-',
    sent: sentBytes(keys),
  };
};

/** Keys of an editor, ours first: a row for each kind of session in which a key means something. */
export const keyTable = (editor: KeyEditor): readonly KeyRow[] =>
  [...shippedBindings(editor), ...ownedBindings(editor)].flatMap((binding) =>
    binding.contexts.flatMap((context) => rowOf(binding, context) ?? []),
  );
