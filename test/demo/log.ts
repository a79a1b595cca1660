/**
 * A log message in hot code. The kernel counts every call, sends as many lines as a person asked for, and says how many
 * it left out; Delve stops the program for each. Times are what the program itself reports.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixtureSources } from '../fixture-build.js';
import { leastCost } from './cost.js';
import { duration, thousands } from './page.js';
import { bareSeconds, ordersReport, type Program } from './programs.js';
import type { Stage } from './stage.js';

export interface LogCost {
  /** Nanoseconds for one call. */
  readonly kernel: number;
  readonly delve: number;
}

const calls = 500_000;
const delveCalls = 1_000;
/** Runs under the kernel, and as many bare: the least of each counts, as a busy machine only adds to it. */
const rounds = 3;
/** What is measured is a thousand and more on a quiet machine. */
const leastRatio = 100;
const shownLines = 3;

/** The program's own names for the orders that it makes (fixtures/programs/orders/book.go). */
const symbols = ['ACME', 'GLOBEX', 'INITECH', 'UMBRELLA', 'HOOLI', 'ZORG'] as const;

const isRight = ([, id = '', symbol = '']: RegExpMatchArray): boolean =>
  symbols[Number(id) % symbols.length] === symbol;

const fromKernel = (stage: Stage, program: Program) => {
  const [node = '', ...rest] = stage.command;
  const probe = `${program.function} do log "{o.ID} {o.Symbol}" limit 1000`;
  const args = [...rest, 'trace', program.path, '--budget', 'none', '--probe', probe, '--', ...program.run(calls)];
  const env = { ...process.env, ...stage.env };
  const output = execFileSync(node, args, { encoding: 'utf8', env, maxBuffer: 1 << 28 });
  const lines = output.split('\n').filter((line) => line.includes(' goroutine '));
  const table = /^\s*([\d,]+)\s+[\d,]+\s+[\d,]+\s+([\d,]+)\s+main\.price/m.exec(output);
  const number = (text: string | undefined): number => Number((text ?? '').replaceAll(',', ''));
  return { lines, hits: number(table?.[1]), left: number(table?.[2]), seconds: ordersReport(output)?.seconds };
};

const fromDelve = async (stage: Stage, program: Program): Promise<number | undefined> => {
  const session = stage.session();
  const file = join(fixtureSources('orders'), 'order.go');
  const line =
    readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('if o.Qty == 0')) + 1;
  const logpoints = [{ file, line, logMessage: '{o.ID} {o.Symbol}' }];
  await session.launch({
    program: program.path,
    args: program.run(delveCalls),
    kernel: 'off',
    breakpoints: [],
    logpoints,
  });
  await session.runToEnd();
  await session.close();
  return program.seconds(session.programOutput);
};

/** Throws when the program does not say how long it took. */
export const demonstrateLog = async (stage: Stage, program: Program): Promise<LogCost> => {
  const { page } = stage;
  page.line(`log message at ${program.function}: {o.ID} {o.Symbol}`);
  page.working(`${thousands(calls)} calls, logged by the kernel`);
  const { lines, hits, left, seconds } = fromKernel(stage, program);
  for (const line of lines.slice(0, shownLines)) page.line(`    ${line.replace(/^\S+ cpu \d+ tid \d+ /, '')}`);
  const values = lines.map((line) => /: (\d+) "(\w+)"$/.exec(line)).filter((match) => match !== null);
  page.check(
    values.length === lines.length && lines.length > 0 && values.every(isRight),
    'every line shown is right',
    `${thousands(lines.length)} lines`,
  );
  page.check(
    hits === calls && lines.length + left === hits,
    'every call is counted, and what was left out is said',
    `${thousands(hits)} calls, ${thousands(left)} left out by the limit of 1,000 a second`,
  );
  let least = seconds ?? Number.POSITIVE_INFINITY;
  let bare = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) {
    bare = Math.min(bare, await bareSeconds(program, program.run(calls), stage.cleanup.begun));
    if (i > 0) least = Math.min(least, fromKernel(stage, program).seconds ?? Number.POSITIVE_INFINITY);
  }
  page.working(`${thousands(delveCalls)} calls, logged by Delve`);
  const delve = await fromDelve(stage, program);
  if (seconds === undefined || delve === undefined)
    throw new Error('the order service did not report how long it took');
  const cost = { kernel: Math.max(leastCost, ((least - bare) * 1e9) / calls), delve: (delve * 1e9) / delveCalls };
  page.line(`kernel: ${duration(cost.kernel)} a call, ${thousands(calls)} calls`);
  page.line(`Delve:  ${duration(cost.delve)} a call, ${thousands(delveCalls)} calls`);
  const ratio = cost.delve / cost.kernel;
  page.check(
    ratio >= leastRatio,
    `the kernel is ${thousands(ratio)} times cheaper`,
    `at least ${leastRatio} is demanded`,
  );
  return cost;
};
