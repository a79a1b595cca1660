import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { checkEditor, installedEditors } from '../editor-check/check.js';
import { findingText } from '../editor-check/finding.js';
import { type Editor, type EditorName, editorNames, readEditor } from '../editor-files.js';
import { CommandError } from '../failure.js';
import { packageVersion } from '../manifest.js';
import { isSystemError, printLine } from '../output.js';
import { ownCommand } from '../own-command.js';

const isEditor = (name: string): name is EditorName => editorNames.some((known) => known === name);

/** The script that an editor has to name: where it is not in PATH, nobody else knows it. */
const commandOfThis = (): string => `The command of this installation is ${ownCommand()[1] ?? 'unknown'}.`;

const isThere = (path: string): CommandError =>
  new CommandError(`${path} is there already and is yours: merge what \`probelens init\` prints, or move it away.`);

/** Nothing is written when one of the files is there already with another text. */
const install = ({ files }: Editor, directory: string): void => {
  const written = files.map(({ name, text }) => ({ path: join(directory, name), text }));
  const there = written.filter(({ path }) => existsSync(path));
  const other = there.find(({ path, text }) => readFileSync(path, 'utf8') !== text);
  if (other !== undefined) throw isThere(other.path);
  if (there.length === files.length) {
    printLine(`${directory} has these files already, as they are in probelens ${packageVersion()}.`);
    return;
  }
  mkdirSync(directory, { recursive: true });
  for (const { path, text } of written) {
    if (there.some((one) => one.path === path)) continue;
    try {
      // Also where the file is a dangling link, or came a moment ago.
      writeFileSync(path, text, { flag: 'wx' });
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
      throw isThere(path);
    }
    printLine(path);
  }
  printLine(commandOfThis());
};

/** Of every editor that has something of ours. */
const checkAll = (): number => {
  const installed = installedEditors();
  if (installed.length === 0)
    throw new CommandError('No editor has a configuration of probelens; install one with `probelens init EDITOR`.');
  return Math.max(...installed.map((name) => check(name, undefined)));
};

/** One line for each disagreement, with what mends it. */
const check = (name: EditorName, directory: string | undefined): number => {
  const findings = checkEditor(name, directory);
  for (const finding of findings) printLine(findingText(finding));
  if (findings.length > 0) return exitCode.failed;
  printLine(`The configuration of ${name} agrees with probelens ${packageVersion()}.`);
  return exitCode.done;
};

const print = ({ readme, files }: Editor): void => {
  for (const { name, text } of files) {
    if (files.length > 1) printLine(`---- ${name}`);
    printLine(text.trimEnd());
  }
  // To stderr: stdout is the configuration alone, where there is one file.
  process.stderr.write(`\n${readme.trimEnd()}\n${commandOfThis()}\n`);
};

export const init: Command = {
  usage: `probelens init nvim or emacs or helix or vscode [--into DIRECTORY] [--check]

  Prints the configuration for an editor, and on stderr what to do with it.

  --into DIRECTORY  writes the files there instead; files that exist are never overwritten
  --check           compares what is installed with this command instead (without EDITOR: in every editor that has
                    anything of ours): versions, ports, debug types, commands, keys;
                    one line for each disagreement, and exit code 1. Looks where the editor looks (VS Code: in
                    .vscode/ of this directory), or in DIRECTORY`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['[EDITOR]'], {
      into: { type: 'string' },
      check: { type: 'boolean' },
    });
    const [name] = positionals;
    if (name === undefined) {
      if (values.check === true && values.into === undefined) return checkAll();
      throw new UsageError('EDITOR is missing.');
    }
    if (!isEditor(name)) throw new UsageError(`"${name}" is none of ${editorNames.join(', ')}.`);
    if (values.check === true) return check(name, values.into);
    const editor = readEditor(name);
    if (values.into === undefined) print(editor);
    else install(editor, values.into);
    return exitCode.done;
  },
};
