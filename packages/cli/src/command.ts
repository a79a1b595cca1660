/** What every file in commands/ is, and how its arguments are read. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { closestNames } from './suggestion.js';

/** Exit codes of the command: done, the thing asked for failed, wrong usage. */
export const exitCode = { done: 0, failed: 1, usage: 2 } as const;

export interface Command {
  /** First line: `probelens functions BINARY [--json]`; below it what the options mean. */
  readonly usage: string;
  /** Resolves with the exit code. Errors that are thrown become one sentence on stderr. */
  run(args: readonly string[]): Promise<number>;
}

/** A command as the list has it. */
export interface CommandEntry {
  readonly name: string;
  /** One line in `probelens help`; undefined for what only probelens itself starts. */
  readonly summary: string | undefined;
  readonly load: () => Promise<Command>;
}

/** The person's command line cannot be understood: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;

type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ options: O; allowPositionals: true; strict: true; args: string[] }>
>['values'];

export interface Arguments<O extends Options> {
  readonly values: Parsed<O>;
  /** As many as `names`, in their order. */
  readonly positionals: readonly string[];
  /** What stood behind `--`. */
  readonly rest: readonly string[];
}

const optionName = /^--?[^=]*/;

/** Node's own messages talk about positional arguments and quoting; people get a shorter sentence. */
const explained = (error: Error & { code?: unknown }, options: Options): string => {
  const shown = /'(--?[^\s']+)/.exec(error.message)?.[1] ?? '';
  const name = optionName.exec(shown)?.[0] ?? shown;
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const known = Object.keys(options).map((option) => `--${option}`);
    const near = closestNames(name, known, 1)[0];
    return near === undefined ? `Unknown option ${name}.` : `Unknown option ${name}; did you mean ${near}?`;
  }
  const takesValue = options[name.replace(/^--/, '')]?.type === 'string';
  return takesValue ? `Option ${name} needs a value.` : `Option ${name} takes no value.`;
};

/**
 * Reads the arguments of one subcommand. `names` are its positional arguments as the usage spells them; one in brackets
 * may be absent. Throws UsageError.
 */
export const readArguments = <const O extends Options>(
  args: readonly string[],
  names: readonly string[],
  options: O,
): Arguments<O> => {
  const separator = args.indexOf('--');
  const own = separator < 0 ? [...args] : args.slice(0, separator);
  const rest = separator < 0 ? [] : args.slice(separator + 1);
  const { values, positionals } = parsed(own, options);
  const needed = names.filter((name) => !name.startsWith('['));
  const missing = needed[positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`);
  const empty = names[positionals.indexOf('')];
  if (empty !== undefined) throw new UsageError(`${empty.replace(/^\[|\]$/g, '')} is empty.`);
  const surplus = positionals[names.length];
  if (surplus !== undefined) throw new UsageError(`There is no place for the argument "${surplus}".`);
  return { values, positionals, rest };
};

const parsed = <const O extends Options>(args: string[], options: O) => {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(explained(error, options));
    throw error;
  }
};
