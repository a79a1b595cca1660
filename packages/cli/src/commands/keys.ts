import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { type KeyEditor, keyEditors } from '../keys/binding.js';
import { keyTable } from '../keys/table.js';
import { tableText } from '../keys/table-text.js';
import { printJson, printLine } from '../output.js';

const isEditor = (name: string): name is KeyEditor => keyEditors.some((known) => known === name);

const showTable = (name: string | undefined, json: boolean): number => {
  if (name !== undefined && !isEditor(name))
    throw new UsageError(`"${name}" is none of ${keyEditors.join(', ')}, check, trace.`);
  for (const editor of name === undefined ? keyEditors : [name]) {
    const rows = keyTable(editor);
    if (json) for (const row of rows) printJson(row);
    else printLine(tableText(editor, rows));
  }
  return exitCode.done;
};

export const keys: Command = {
  usage: `probelens keys [EDITOR] [--json]

  What each key does, in nvim, emacs, helix, vscode and terminal (\`probelens debug\`): the editor's action, the request of
  LSP or DAP, what Delve does and what the kernel does, without a session, with Delve, and without a debugger. Read from the
  files that \`probelens init\` installs. Keys that another tool owns are named with it.

  --json  one object for each key and kind of session: {editor, key, written, place, context, action, title, owner,
          request, delve, kernel, sent}; sent has the bytes by encoding: legacy, csiU, kitty`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['[EDITOR]'], { json: { type: 'boolean' } });
    return showTable(positionals[0], values.json ?? false);
  },
};
