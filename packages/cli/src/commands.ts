/** The list of subcommands. Each loads its own chunk, so that `help` never pays for what `dap` needs. */
import type { Command } from './command.js';

export interface CommandEntry {
  readonly name: string;
  /** One line in `probelens help`; undefined for what only probelens itself starts. */
  readonly summary: string | undefined;
  readonly load: () => Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    name: 'functions',
    summary: 'list the functions of a Go binary',
    load: async () => (await import('./commands/functions.js')).functions,
  },
  {
    name: 'help',
    summary: 'this list, or how one command is used',
    load: async () => (await import('./commands/help.js')).help,
  },
  {
    name: 'version',
    summary: 'print the version',
    load: async () => (await import('./commands/version.js')).version,
  },
];
