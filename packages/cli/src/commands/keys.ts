import { constants } from 'node:os';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { CommandError } from '../failure.js';
import { type KeyEditor, keyEditors } from '../keys/binding.js';
import { checkText } from '../keys/check/check-text.js';
import { checkKeys } from '../keys/check/matrix.js';
import { keyTable } from '../keys/table.js';
import { tableText } from '../keys/table-text.js';
import { traceKeys } from '../keys/trace/run.js';
import { printBytes, printJson, printLine } from '../output.js';

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

/** As a shell tells of a program that a signal ended. */
const trace = async (events: string | undefined, kitty: boolean, json: boolean): Promise<number> => {
  if (!process.stdin.isTTY) throw new CommandError('Keys come from a terminal, and stdin is none; run it at a prompt.');
  const signal = await traceKeys({
    input: process.stdin,
    events,
    kitty,
    json,
    print: printLine,
    control: (sequence) => printBytes(Buffer.from(sequence)),
  });
  return signal === undefined ? exitCode.done : 128 + constants.signals[signal];
};

export const keys: Command = {
  usage: `probelens keys [EDITOR] [--json]
       probelens keys check [--json]
       probelens keys trace [--kitty] [--events FILE] [--json]

  What each key does, in nvim, emacs, helix, vscode and terminal (\`probelens debug\`): the editor's action, the request of
  LSP or DAP, what Delve does and what the kernel does, without a session, with Delve, and without a debugger. Read from the
  files that \`probelens init\` installs. Keys that another tool owns are named with it.

  --json  one object for each key and kind of session: {editor, key, written, place, context, action, title, owner,
          request, delve, kernel, sent}; sent has the bytes by encoding: legacy, csiU, kitty

  check reads the configuration of this machine (stty, desktop, terminal, tmux, and the editors: Neovim and Emacs are
  asked, files of the others are read) and prints who takes which key on its way to a session, what would arrive, and the
  cure; for VS Code also whether keybindings.json, launch.json and tasks.json agree. Changes nothing. Exit code 1 when
  something is left without a key, or VS Code's files do not agree. --json: one object {layers, conflicts, findings,
  unreachable}

  trace shows the bytes of each key that you press, its name in each encoding, and the time since the last; where the
  keyboards in /dev/input may be read also what the kernel saw, and what of that the terminal did not send.
  --kitty        asks the terminal for kitty's keyboard protocol meanwhile
  --events FILE  records of struct input_event (as in /dev/input/eventN) in place of the keyboards`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['[EDITOR]'], {
      json: { type: 'boolean' },
      kitty: { type: 'boolean' },
      events: { type: 'string' },
    });
    const json = values.json ?? false;
    if (positionals[0] === 'check') return await check(json);
    if (positionals[0] === 'trace') return await trace(values.events, values.kitty ?? false, json);
    return showTable(positionals[0], json);
  },
};
