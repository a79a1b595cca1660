/** One command line from its arguments to an exit code; what the two entries of the command share. */
import { writeSync } from 'node:fs';
import { type Command, type CommandEntry, exitCode, UsageError } from './command.js';
import { describeFailure } from './failure.js';
import { isSystemError } from './output.js';

const shortcuts: Readonly<Record<string, string>> = { '--help': 'help', '-h': 'help', '--version': 'version' };

const asksForHelp = (args: readonly string[]): boolean => {
  const separator = args.indexOf('--');
  const own = separator < 0 ? args : args.slice(0, separator);
  return own.includes('--help') || own.includes('-h');
};

const complain = (error: unknown, command: Command | undefined): number => {
  const { message, code } = describeFailure(error);
  const usage = error instanceof UsageError && command !== undefined ? `\nusage: ${command.usage.split('\n')[0]}` : '';
  const details = process.env.PROBELENS_DEBUG === '1' && error instanceof Error ? `\n${error.stack}` : '';
  writeSync(2, `probelens: ${message}${usage}${details}\n`);
  return code;
};

/** Runs one command line; resolves with the exit code. `find` throws UsageError for a name that it does not have. */
export const runCommandLine = async (
  argv: readonly string[],
  find: (name: string) => Pick<CommandEntry, 'load'>,
): Promise<number> => {
  process.stdout.on('error', (error) => {
    // A terminal that is gone: SIGHUP or the end of the input says so to whoever has a session to end.
    if (isSystemError(error) && error.code === 'EIO' && process.stdout.isTTY) return;
    if (!isSystemError(error) || error.code !== 'EPIPE') throw error;
    // A server hears of it too, and ends its sessions first.
    if (process.stdout.listenerCount('error') > 1) return;
    process.exit(exitCode.done);
  });
  const [first, ...args] = argv;
  let command: Command | undefined;
  try {
    if (first === undefined) throw new UsageError('Which command? `probelens help` lists them.');
    const name = shortcuts[first] ?? first;
    if (asksForHelp(args)) {
      const help = await find('help').load();
      return await help.run([name]);
    }
    command = await find(name).load();
    return await command.run(args);
  } catch (error) {
    // The reader of a pipe has seen enough: `probelens functions X | head`.
    if (isSystemError(error) && error.code === 'EPIPE') return exitCode.done;
    return complain(error, command);
  }
};
