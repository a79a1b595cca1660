/** Keys of keybindings.json. */
import { fieldsOf, listOf, parseJsonc } from '../editor-check/jsonc.js';
import type { Binding } from './binding.js';
import { codeKeys } from './chord.js';
import { type Context, contexts } from './operation.js';

/** `debugType` is set while a session is active, of either kind. */
const contextsOf = (when: string): readonly Context[] =>
  /debugType|inDebugMode/.test(when) && !/!\s*inDebugMode/.test(when)
    ? ['Delve session', 'probe-only session']
    : /!\s*inDebugMode/.test(when)
      ? ['no session']
      : contexts;

/** Lines on which an entry names its key, in the order of the entries. */
const keyLines = (text: string): readonly number[] =>
  text.split('\n').flatMap((line, index) => (/"key"\s*:/.test(line) ? [index + 1] : []));

/** Throws SyntaxError. */
export const codeBindings = (file: string, text: string): readonly Binding[] => {
  const lines = keyLines(text);
  return listOf(parseJsonc(text))
    .map(fieldsOf)
    .map(({ key, command, args, when }, index) => ({
      editor: 'vscode',
      keys: codeKeys(String(key)),
      written: String(key),
      file,
      line: lines[index] ?? 0,
      // What runs in the debug console is told by its text.
      action:
        command === 'runCommands' || fieldsOf(args).text === undefined ? String(command) : String(fieldsOf(args).text),
      contexts: contextsOf(String(when ?? '')),
      owner: 'probelens',
    }));
};
