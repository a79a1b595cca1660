import { serveLanguage } from '@probelens/lsp';
import { type Command, readArguments } from '../command.js';
import { packageVersion } from '../manifest.js';

export const lsp: Command = {
  usage: `probelens lsp

  The language server, on stdin and stdout.`,
  async run(args) {
    // Some editors add --stdio to every server's command.
    readArguments(args, [], { stdio: { type: 'boolean' } });
    return await serveLanguage({ input: process.stdin, output: process.stdout, version: packageVersion() });
  },
};
