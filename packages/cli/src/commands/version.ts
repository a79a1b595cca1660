import { readFileSync } from 'node:fs';
import { type Command, exitCode, readArguments } from '../command.js';
import { printLine } from '../output.js';

// src/commands and dist/chunks are both two directories below the package.
const manifest = new URL('../../package.json', import.meta.url);

export const version: Command = {
  usage: 'probelens version',
  async run(args) {
    readArguments(args, [], {});
    const { version: number }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'));
    printLine(`probelens ${number}`);
    return exitCode.done;
  },
};
