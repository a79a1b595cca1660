import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { type Editor, editorNames, readEditor } from '../editor-files.js';
import { CommandError } from '../failure.js';
import { isSystemError, printLine } from '../output.js';
import { ownCommand } from '../own-command.js';

const isEditor = (name: string): name is (typeof editorNames)[number] => editorNames.some((known) => known === name);

/** Nothing is written when one of the files is there already. */
const install = ({ files }: Editor, directory: string): void => {
  mkdirSync(directory, { recursive: true });
  for (const { name, text } of files) {
    const path = join(directory, name);
    try {
      writeFileSync(path, text, { flag: 'wx' });
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
      throw new CommandError(
        `${path} is there already and is yours: merge what \`probelens init\` prints, or move it away.`,
      );
    }
    printLine(path);
  }
};

const print = ({ readme, files }: Editor): void => {
  for (const { name, text } of files) {
    if (files.length > 1) printLine(`---- ${name}`);
    printLine(text.trimEnd());
  }
  const [, script = ''] = ownCommand();
  // To stderr: stdout is the configuration alone, where there is one file.
  process.stderr.write(`\n${readme.trimEnd()}\nThe command of this installation is ${script}.\n`);
};

export const init: Command = {
  usage: `probelens init nvim or emacs or helix or vscode [--into DIRECTORY]

  Prints the configuration for an editor, and on stderr what to do with it.

  --into DIRECTORY  writes the files there instead; files that exist are never overwritten`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['EDITOR'], { into: { type: 'string' } });
    const [name = ''] = positionals;
    if (!isEditor(name)) throw new UsageError(`"${name}" is none of ${editorNames.join(', ')}.`);
    const editor = readEditor(name);
    if (values.into === undefined) print(editor);
    else install(editor, values.into);
    return exitCode.done;
  },
};
