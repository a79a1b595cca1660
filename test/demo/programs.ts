/** The two programs that are debugged: our order service, and esbuild, which nobody here wrote. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFixture, privateCopy } from '../fixture-build.js';

export interface Program {
  readonly title: string;
  readonly path: string;
  /** The function everybody probes. */
  readonly function: string;
  /** A condition that is true now and then, and one that never is; both read memory through the argument. */
  readonly rare: string;
  readonly never: string;
  /** What to print at a stop, in Go; integers all of them. */
  readonly show: readonly string[];
  /** Arguments for a run with about this many calls. */
  run(size: number): readonly string[];
  /** Seconds of work as the program itself reports them; undefined when its report is not there. */
  seconds(output: string): number | undefined;
  /** Whether the stop is one that the condition asked for, judged from the values alone. */
  isRight(values: readonly number[]): boolean;
  /** Number of stops in a run of `rareSize`. */
  readonly rareSize: number;
  readonly stops: number;
}

export interface OrdersReport {
  readonly calls: number;
  readonly wrong: number;
  readonly seconds: number;
  readonly matches: Readonly<Record<string, number>>;
}

/** The order service's last line. */
export const ordersReport = (output: string): OrdersReport | undefined => {
  const line = /^\{"calls":.*\}$/m.exec(output)?.[0];
  return line === undefined ? undefined : JSON.parse(line);
};

export const orders = async (directory: string): Promise<Program> => {
  const path = await privateCopy(await buildFixture('orders'), directory);
  return {
    title: 'orders, our order service',
    path,
    function: 'main.price',
    rare: 'o.Qty == 0 && mult > 2 && o.ID % 5 == 0',
    never: 'o.Qty < 0 && mult > 2',
    show: ['o.ID', 'o.Qty', 'mult'],
    run: (size) => [String(size)],
    seconds: (output) => ordersReport(output)?.seconds,
    isRight: ([id = -1, quantity = -1, mult = -1]) =>
      quantity === 0 && mult > 2 && id % 5 === 0 && (id % 4) + 1 === mult,
    rareSize: 4000,
    // Ids below 4000 that are divisible by 103 and 5 and leave 2 or 3 when divided by 4.
    stops: 4,
  };
};

/** Bytes of each of the statements that `statements` makes, and the tokens that the lexer reads of each. */
const statementLength = 37;
const tokens = 9;
/** Of esbuild's own prelude, which it reads first in every run; about. */
const preludeTokens = 3_900;

const statements = (count: number): string => {
  let text = '';
  for (let i = 0; i < count; i++) {
    const number = String(i);
    text += `var a${number.padStart(5, '0')} = [${`1${number.padStart(6, '0')}`}, 'abcdefghi'];\n`;
  }
  return text;
};

export const esbuild = async (built: string, directory: string): Promise<Program> => {
  const path = await privateCopy(built, directory);
  const inputs = join(directory, 'inputs');
  mkdirSync(inputs, { recursive: true });
  const spacing = 5000 * statementLength;
  return {
    title: 'esbuild, 16 MB, from the Go module proxy',
    path,
    function: 'github.com/evanw/esbuild/internal/js_lexer.(*Lexer).Next',
    // The lexer stands behind the semicolon of every 5,000th statement. esbuild's own prelude is shorter than 100 kB.
    rare: `lexer.end > 100000 && lexer.end % ${spacing} == ${statementLength - 1}`,
    never: 'lexer.start < 0 && lexer.end > 5',
    show: ['lexer.end', 'lexer.start'],
    run: (size) => {
      const count = Math.max(1, Math.round((size - preludeTokens) / tokens));
      const input = join(inputs, `${count}.js`);
      const text = statements(count);
      if (text.length !== count * statementLength) throw new Error('the generated statements have the wrong length');
      writeFileSync(input, text);
      return [input, `--outfile=${join(inputs, 'out.js')}`, '--log-level=info'];
    },
    seconds: (output) => {
      const found = /Done in (\d+)ms/.exec(output)?.[1];
      return found === undefined ? undefined : Number(found) / 1000;
    },
    isRight: ([end = -1, start = -1]) => end > 100_000 && end % spacing === statementLength - 1 && start === end - 1,
    rareSize: preludeTokens + 20_001 * tokens,
    stops: 4,
  };
};

/** Seconds that a run takes by itself. */
export const bareSeconds = async (program: Program, args: readonly string[], signal: AbortSignal): Promise<number> => {
  const seconds = program.seconds(await outputOf(program.path, args, signal));
  if (seconds === undefined) throw new Error(`${program.title} did not report how long it took`);
  return seconds;
};

const outputOf = (path: string, args: readonly string[], signal: AbortSignal): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
    let output = '';
    const collect = (data: Buffer): void => {
      output += data.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${path} ended with exit code ${code}`)),
    );
  });

/** One line of a source file, for the person. */
export const sourceLine = (file: string, line: number): string => {
  try {
    return readFileSync(file, 'utf8').split('\n')[line - 1]?.trim() ?? '';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
};
