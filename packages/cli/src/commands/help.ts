import { type Command, type CommandEntry, exitCode, readArguments } from '../command.js';
import { printLine } from '../output.js';
import { findCommand } from '../search.js';

const overview = (commands: readonly CommandEntry[]): string => {
  const shown = commands.filter(({ summary }) => summary !== undefined);
  const width = Math.max(...shown.map(({ name }) => name.length));
  const lines = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'probelens: kernel probes as a normal part of debugging Go',
    '',
    'usage: probelens COMMAND ...',
    '',
    ...lines,
    '',
    '`probelens help COMMAND` says more.',
  ].join('\n');
};

export const helpOn = (commands: readonly CommandEntry[]): Command => ({
  usage: 'probelens help [COMMAND]',
  async run(args) {
    const { positionals } = readArguments(args, ['[COMMAND]'], {});
    const [name] = positionals;
    if (name === undefined) {
      printLine(overview(commands));
      return exitCode.done;
    }
    const command = await findCommand(commands, name).load();
    printLine(`usage: ${command.usage}`);
    return exitCode.done;
  },
});
