/** Reports of crashes, held against what the Go runtime itself prints of each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { CrashReport } from '../src/crash/report.js';
import { formatCrash } from '../src/crash/text.js';
import { type CrashRun, crash } from './crashes-program.js';
import { parseTraceback } from './go-traceback.js';

/** The lines that the runtime prints for the panics of a report. */
const panicLines = ({ panics = [] }: CrashReport): readonly string[] =>
  panics.flatMap(({ text, recovered }, index) =>
    `${index > 0 ? '\t' : ''}panic: ${text}${recovered ? ' [recovered]' : ''}`.split('\n'),
  );

const plain = ({ function: name, file, line }: { function: string; file: string; line: number }) => ({
  name,
  file,
  line,
});

/** Messages beyond what is kept are cut, and say so. */
const expectPanics = (report: CrashReport, head: readonly string[]): void => {
  const lines = panicLines(report);
  const cut = lines.map((line) => /^(.*)\.\.\. \((\d+) bytes in all\)$/.exec(line));
  const whole = lines.map((line, index) => (cut[index] === null ? line : head[index]));
  expect(whole).toEqual(head);
  for (const [index, found] of cut.entries()) {
    if (found === null) continue;
    expect(head[index]?.startsWith(found?.[1] ?? '')).toBe(true);
    expect((head[index] ?? '').length).toBe('panic: '.length + Number(found?.[2]));
  }
};

/** The one report of a program that ended, which agrees with its traceback. */
const agreed = (run: CrashRun): CrashReport => {
  const [report] = run.reports;
  expect(run.reports, run.stderr).toHaveLength(1);
  if (report === undefined) throw new Error('no report');
  const printed = parseTraceback(run.stderr);
  expect(report.pid).toBe(run.pid);
  expect(report.goroutine).toBe(printed.goroutine);
  expect(report.stack.map(plain)).toEqual(printed.frames.map(plain));
  expect(report.createdBy && { ...plain(report.createdBy), goroutine: report.createdBy.goroutine }).toEqual(
    printed.createdBy && { ...plain(printed.createdBy), goroutine: printed.createdBy.goroutine },
  );
  if (report.kind === 'panic') expectPanics(report, printed.head);
  if (report.kind === 'fatal-error') expect(printed.head).toContain(report.message);
  expect(report.exitCode).toBe(run.exitCode);
  expect(formatCrash(report)).toContain(report.message);
  return report;
};

describe.skipIf(requirement('kernel', 'go').missing)('crashes', () => {
  let directory: string;
  let crashes: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-crashes-'));
    crashes = await privateCopy(await buildFixture('crashes'), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const panicking = [
    'string',
    'lines',
    'long',
    'error',
    'wrapped',
    'own-error',
    'struct',
    'code',
    'int',
    'float',
    'nil-dereference',
    'nil-leaf',
    'index',
    'slice',
    'nil-map',
    'closed-channel',
    'divide',
    'assertion',
    'missing-method',
    'repanic',
    'deferred',
    'goroutine',
    'inlined',
  ];
  it.each(panicking)('a panic: %s', async (kind) => {
    const report = agreed(await crash(crashes, kind));
    expect(report.kind).toBe('panic');
  });
});
