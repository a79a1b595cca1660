import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { type KeyEditor, keyEditors } from '../keys/binding.js';
import { checkText } from '../keys/check/check-text.js';
import { checkKeys } from '../keys/check/matrix.js';
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

const check = async (json: boolean): Promise<number> => {
  const found = await checkKeys({
    editors: keyEditors,
    env: process.env,
    isTerminal: process.stdin.isTTY,
    folder: process.cwd(),
  });
  if (json) printJson(found);
  else printLine(checkText(found));
  return found.unreachable.length + found.findings.length === 0 ? exitCode.done : exitCode.failed;
};

export const keys: Command = {
  usage: `probelens keys [EDITOR] [--json]
       probelens keys check [--json]

  What each key does, in nvim, emacs, helix, vscode and terminal (\`probelens debug\`): the editor's action, the request of
  LSP or DAP, what Delve does and what the kernel does, without a session, with Delve, and without a debugger. Read from the
  files that \`probelens init\` installs. Keys that another tool owns are named with it.

  --json  one object for each key and kind of session: {editor, key, written, place, context, action, title, owner,
          request, delve, kernel, sent}; sent has the bytes by encoding: legacy, csiU, kitty

  check reads the configuration of this machine (stty, desktop, terminal, tmux, and the editors: Neovim and Emacs are
  asked, files of the others are read) and prints who takes which key on its way to a session, what would arrive, and the
  cure; for VS Code also whether keybindings.json, launch.json and tasks.json agree. Changes nothing. Exit code 1 when
  something is left without a key, or VS Code's files do not agree. --json: one object {layers, conflicts, findings,
  unreachable}`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['[EDITOR]'], { json: { type: 'boolean' } });
    const json = values.json ?? false;
    if (positionals[0] === 'check') return await check(json);
    return showTable(positionals[0], json);
  },
};
