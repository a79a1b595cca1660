/** What Tab offers: commands, functions, files, numbers of breakpoints, and what the adapter's console knows. */
import { listOf, objectOf, stringOf } from '../core/message.js';
import type { Completes } from './command.js';
import type { Desk } from './desk.js';
import { commands, findCommand } from './session-commands.js';

/** The candidates, and the part of the line that they replace: what readline wants of a completer. */
export type Completion = readonly [readonly string[], string];

const beginning = (all: readonly string[], word: string): readonly string[] =>
  all.filter((each) => each.startsWith(word));

const ours = commands.map(({ names }) => names[0]);

const fromConsole = async ({ program }: Desk, line: string): Promise<readonly string[]> => {
  if (program.state === 'ended') return [];
  const { targets } = await program.request('completions', { text: line, column: line.length + 1 });
  return listOf(targets).flatMap((target) => stringOf(objectOf(target).label) ?? []);
};

const named = (desk: Desk, kind: Completes, word: string): readonly string[] => {
  switch (kind) {
    case 'command':
      return beginning(ours, word);
    case 'breakpoint':
      return beginning(
        desk.breakpoints.all.map(({ number }) => String(number)),
        word,
      );
    case 'function':
    case 'file':
    case 'place': {
      if (word === '' || desk.symbols === undefined) return [];
      const functions = kind === 'file' ? [] : desk.symbols.functionsWith(word);
      const files = kind === 'function' ? [] : desk.symbols.filesWith(word).map((file) => `${file}:`);
      return [...functions, ...files];
    }
  }
};

/** Never rejects: a Tab that finds nothing is no fault to talk about. */
export const complete = async (desk: Desk, line: string): Promise<Completion> => {
  const [, name = '', gap = '', rest = ''] = /^\s*(\S*)(\s*)(.*)$/s.exec(line) ?? [];
  const word = /\S*$/.exec(line)?.[0] ?? '';
  try {
    if (gap === '') {
      const theirs = await fromConsole(desk, name);
      return [[...new Set([...beginning(ours, name), ...theirs])].sort(), name];
    }
    const kind = findCommand(name)?.completes;
    // Only the first word behind the command is a name; a condition is not.
    if (kind !== undefined) return [/\s/.test(rest) ? [] : named(desk, kind, word), word];
    return [findCommand(name) === undefined ? await fromConsole(desk, line) : [], word];
  } catch (error) {
    if (error instanceof Error) return [[], word];
    throw error;
  }
};
