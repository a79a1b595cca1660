/** One line of a person's or a script's: finds the command, waits until it can be done, does it. */
import { RequestFailure } from './adapter-process.js';
import type { Command } from './command.js';
import type { Desk } from './desk.js';
import { findCommand, inConsole } from './session-commands.js';

/** The command that was done; undefined for an empty line, or what went to the console. */
export const perform = async (desk: Desk, line: string): Promise<Command | undefined> => {
  const [, name = '', rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(line) ?? [];
  if (name === '' || name.startsWith('#')) return undefined;
  const command = findCommand(name);
  const needs = command?.needs ?? 'program';
  if (needs === 'halt' && desk.program.state === 'running')
    desk.screen.print(`\`${name}\` waits until the program stops; Ctrl+C stops it.`);
  if (needs === 'halt') await desk.program.untilHalt();
  if (needs !== 'nothing' && desk.program.state === 'ended')
    throw new RequestFailure(`The program has ended${desk.attached ? '' : '; `restart` starts it again'}.`);
  if (command === undefined) await anythingElse(desk, line.trim());
  else await command.run(desk, rest);
  return command;
};

/** A single unknown word may be a variable, and is a mistyped command more often. */
const anythingElse = async (desk: Desk, line: string): Promise<void> => {
  try {
    await inConsole(desk, line);
  } catch (error) {
    if (!(error instanceof RequestFailure) || /\W/.test(line)) throw error;
    throw new RequestFailure(`${error.message.replace(/\.$/, '')}; \`help\` lists the commands.`, { cause: error });
  }
};

/** Errors that are no defect of ours: the adapter's refusals, the system's, a file that is no program. */
export const isComplaint = (error: unknown): error is Error =>
  error instanceof Error && (error instanceof RequestFailure || 'code' in error || error.name === 'FormatError');
