import { accessSync, constants, openSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ReadStream } from 'node:tty';
import { runTerminal, type TerminalStart } from '@probelens/dap';
import { type Command, readArguments, UsageError } from '../command.js';
import { ownCommand } from '../own-command.js';
import { readProbeText } from '../probe-text.js';

const kernelModes = ['auto', 'off', 'required'] as const;

const kernelOf = (text: string): (typeof kernelModes)[number] => {
  const mode = kernelModes.find((known) => known === text);
  if (mode === undefined) throw new UsageError(`--kernel "${text}" must be auto, off or required.`);
  return mode;
};

/** stat(2): S_IXUSR, S_IXGRP, S_IXOTH. */
const anyMayExecute = 0o111;

const startOf = (
  attach: string | undefined,
  program: string | undefined,
  test: boolean,
  args: readonly string[],
): TerminalStart => {
  if (attach === undefined) {
    const path = resolve(program ?? '.');
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined)
      throw new UsageError(`${path} does not exist; name the directory of a Go package or a program that is built.`);
    const isSource = stat.isDirectory() || path.endsWith('.go');
    if (!isSource && (stat.mode & anyMayExecute) === 0)
      throw new UsageError(`${path} is not executable; name a program that is built, or make it one with chmod +x.`);
    if (test && !isSource) throw new UsageError('--test takes the directory of a Go package.');
    return { kind: isSource ? (test ? 'test' : 'package') : 'binary', path, args };
  }
  if (program !== undefined) throw new UsageError('Either --attach PID or a program to start, not both.');
  if (args.length > 0) throw new UsageError('A program that runs already takes no arguments.');
  if (!/^[1-9]\d*$/.test(attach)) throw new UsageError(`--attach "${attach}" is not the number of a process.`);
  return { kind: 'running', pid: Number(attach) };
};

interface Inputs {
  /** Of the program. */
  readonly stdin?: string;
  readonly commands: ReadStream;
}

/** Where the program has this command's own stdin, commands come from the terminal all the same. */
const terminal = (): ReadStream => {
  if (process.stdin.isTTY)
    throw new UsageError(
      '--stdin - needs something else than the terminal on stdin; --stdin names a second terminal by its path, as `tty` prints it there.',
    );
  try {
    return new ReadStream(openSync('/dev/tty', 'r'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new UsageError(
      'With --stdin - commands come from the terminal, and there is none; name the file with --stdin FILE.',
    );
  }
};

const inputsOf = (stdin: string | undefined, start: TerminalStart): Inputs => {
  if (stdin === undefined) return { commands: process.stdin };
  if (start.kind === 'running') throw new UsageError('A program that runs already has its stdin.');
  if (stdin === '-') return { stdin: `/proc/${process.pid}/fd/0`, commands: terminal() };
  const path = resolve(stdin);
  try {
    if (statSync(path).isDirectory()) throw new UsageError(`--stdin ${path} is a directory; name a file in it.`);
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new UsageError(`${path} cannot be read (${String(error.code)}); --stdin names what the program reads.`);
  }
  return { stdin: path, commands: process.stdin };
};

export const debug: Command = {
  usage: `probelens debug [PACKAGE or BINARY] [--stdin FILE] [--probe TEXT]... [--probe-only] [--test] [-- ARGS]
       probelens debug --attach PID [--probe TEXT]... [--probe-only]

  A debugger at the terminal, on the adapter that editors use. Commands and short forms are Delve's; \`help\` lists them.
  Without a terminal on stdin each line of it is a command, and the exit code is 1 when one of them fails.

  PACKAGE or BINARY  a directory of Go source, which is built first, or a program that is built; "." unless given
  --attach PID       a program that runs already; it keeps running
  --probe-only       without Delve: no ptrace and no steps, stops are SIGSTOP; for a running or a built program
  --test             the tests of the package
  --stdin FILE       what the program reads: a file, a named pipe, another terminal as \`tty\` names it there, or - for the
                     stdin of this command, whose own commands then come from the terminal; nothing unless given
  --probe TEXT       a probe to begin with, for example 'main.price do log "{o.ID}"'
  --kernel MODE      auto (default), off for plain Delve, required
  --delve PATH       dlv, where it is not in PATH`,
  async run(args) {
    const { values, positionals, rest } = readArguments(args, ['[PROGRAM]'], {
      attach: { type: 'string' },
      test: { type: 'boolean' },
      'probe-only': { type: 'boolean' },
      probe: { type: 'string', multiple: true },
      kernel: { type: 'string' },
      delve: { type: 'string' },
      stdin: { type: 'string' },
    });
    const kernel = kernelOf(values.kernel ?? 'auto');
    const start = startOf(values.attach, positionals[0], values.test ?? false, rest);
    const probeOnly = values['probe-only'] ?? false;
    if (probeOnly && (start.kind === 'package' || start.kind === 'test'))
      throw new UsageError('--probe-only needs a program that is built, or --attach PID.');
    for (const text of values.probe ?? []) readProbeText(text);
    const { commands, stdin } = inputsOf(values.stdin, start);
    const code = await runTerminal({
      adapterCommand: ownCommand('dap', ...(values.delve === undefined ? [] : ['--delve', values.delve])),
      start,
      kernel,
      probeOnly,
      ...(stdin === undefined ? {} : { stdin }),
      probes: values.probe ?? [],
      input: commands,
      output: process.stdout,
      complain: (sentence) => void process.stderr.write(`probelens: ${sentence}\n`),
      env: process.env,
    });
    if (commands !== process.stdin) commands.destroy();
    return code;
  },
};
