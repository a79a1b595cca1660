/** Commands about the session itself, and the way to the adapter's own console. */
import { stringOf } from '../core/message.js';
import { RequestFailure } from './adapter-process.js';
import { asking } from './asking.js';
import { capture } from './capture.js';
import type { Command } from './command.js';
import type { Desk } from './desk.js';
import { keys } from './keys.js';
import { legend } from './listing.js';
import { looking } from './looking.js';
import { running } from './running.js';
import { bold } from './screen.js';
import { setting } from './setting.js';

const left = (text: string): 'kill' | 'leave' | undefined => {
  if (/^k(ill)?$/i.test(text)) return 'kill';
  return /^l(eave)?$/i.test(text) ? 'leave' : undefined;
};

/** A program that was there before is left alone unless its death was asked for. */
const quit = async (desk: Desk, rest: string): Promise<void> => {
  const asked = left(rest);
  if (rest !== '' && rest !== 'now' && asked === undefined)
    throw new RequestFailure('Say `quit`, `quit kill` or `quit leave`.');
  if (!desk.attached) {
    if (asked === 'leave') throw new RequestFailure('A program that was started from here ends with the session.');
    desk.leave('kill');
  } else if (asked !== undefined || rest === 'now' || desk.program.state === 'ended') desk.leave(asked ?? 'leave');
  else {
    const answer = await desk.ask('Kill the program, or leave it running? [kill/leave, anything else stays] ');
    const how = answer === undefined ? 'leave' : left(answer.trim());
    if (how === undefined) desk.screen.print('Nothing has been ended.');
    else desk.leave(how);
  }
};

const entry = (desk: Desk, { names, takes, help }: Command): string =>
  `${bold(desk.screen, [names[0], ...names.slice(1)].join(', '))}${takes === undefined ? '' : ` ${takes}`}\n    ${help}`;

/** What the help of the adapter's console says of one word: heads begin a line, what they do is indented below. */
const consoleEntry = async ({ program }: Desk, word: string): Promise<string> => {
  const answer =
    program.state === 'ended' ? {} : await program.request('evaluate', { expression: 'help', context: 'repl' });
  const entries = (stringOf(answer.result) ?? '').split(/\n(?=\S)/).filter((each) => each.split(/\s/)[0] === word);
  if (entries.length === 0) throw new RequestFailure(`There is no command "${word}"; \`help\` lists them.`);
  return entries.join('\n').trimEnd();
};

const showHelp = async (desk: Desk, rest: string): Promise<void> => {
  const { screen } = desk;
  if (rest !== '') {
    const command = findCommand(rest);
    screen.print(command === undefined ? await consoleEntry(desk, rest) : entry(desk, command));
    if (command?.names[0] === 'list') screen.print(legend);
    return;
  }
  for (const command of commands) screen.print(entry(desk, command));
  screen.print(
    `\nKeys, where the terminal sends them\n${keys.map(({ name, does }) => `    ${name.padEnd(14)} ${does.join(', then ')}`).join('\n')}`,
  );
  if (desk.program.state === 'ended') return;
  screen.print('\nConsole of the adapter');
  await inConsole(desk, 'help');
};

/** Texts of added probes are kept for a restart. */
const remember = (desk: Desk, line: string, result: string): void => {
  const [, word, rest = ''] = /^(probe|unprobe)\s+(.*)$/s.exec(line) ?? [];
  if (word === 'unprobe') desk.probes.delete(rest.trim());
  const number = /\d+/.exec(result)?.[0];
  if (word === 'probe' && number !== undefined) desk.probes.set(number, rest.trim());
};

/** Whatever is none of our commands: the adapter's, or an expression for Delve. */
export const inConsole = async (desk: Desk, line: string): Promise<void> => {
  const { program, screen } = desk;
  const frame = program.state === 'stopped' ? await program.frame().catch(noFrame) : undefined;
  const frameId = frame === undefined ? {} : { frameId: frame.id };
  const answer = await program.request('evaluate', { expression: line, context: 'repl', ...frameId });
  const result = stringOf(answer.result) ?? '';
  remember(desk, line, result);
  if (result !== '') screen.print(result.trimEnd());
};

/** At the entry of a program there is no goroutine yet. */
const noFrame = (error: unknown): undefined => {
  if (!(error instanceof RequestFailure)) throw error;
};

export const commands: readonly Command[] = [
  ...running,
  ...setting,
  ...looking,
  ...asking,
  {
    names: ['capture'],
    takes: '[FILE]',
    help: 'writes goroutines, stacks, probes and timeline to a file, and the last crash; Ctrl+T, and Ctrl+\\ does so and quits',
    needs: 'program',
    run: async (desk, rest) => desk.screen.print(`Written to ${await capture(desk, rest)}`),
  },
  { names: ['help', 'h'], takes: '[COMMAND]', help: 'this', needs: 'nothing', completes: 'command', run: showHelp },
  {
    names: ['quit', 'q', 'exit'],
    takes: '[kill or leave]',
    help: 'ends the session; asks what becomes of a program that was there before; Ctrl+D, Shift+F5',
    needs: 'nothing',
    run: quit,
  },
];

const byName = new Map(commands.flatMap((command) => command.names.map((name) => [name, command] as const)));

export const findCommand = (name: string): Command | undefined => byName.get(name);
