import { type Command, exitCode, readArguments } from '../command.js';
import { packageVersion } from '../manifest.js';
import { printLine } from '../output.js';

export const version: Command = {
  usage: 'probelens version',
  async run(args) {
    readArguments(args, [], {});
    printLine(`probelens ${packageVersion()}`);
    return exitCode.done;
  },
};
