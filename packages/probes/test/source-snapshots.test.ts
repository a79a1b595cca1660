/** `do snapshot` at events of the kernel: the callers in the program, as the Go runtime itself tells them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { sourceOrigin } from '../src/plan/source-origin.js';
import { parseProbeText } from '../src/spec/text.js';
import type { TraceEvent } from '../src/trace/event.js';
import { startTrace } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';

interface Write {
  readonly fd: number;
  readonly count: number;
  /** runtime.CallersFrames, right after the system call. */
  readonly stack: readonly string[];
}

const functionOf = (frame: string): string => frame.replace(/ \(.*$/, '');

describe.skipIf(requirement('kernel', 'go').missing)('a snapshot at an event of the kernel', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-snapshots-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  for (const [what, flags] of [
    ['where it was linked', []],
    ['wherever the kernel has loaded it', ['-buildmode=pie']],
  ] as const) {
    it(`shows the callers of a program that lies ${what}`, { timeout: 120_000 }, async () => {
      const path = await privateCopy(await buildFixture('errands', { flags }), directory);
      const events: TraceEvent[] = [];
      const trace = await startTrace({
        agentCommand: await agentCommandLine(),
        probes: [
          'tracepoint:syscalls:sys_enter_write do snapshot',
          'tracepoint:syscalls:sys_exit_write if ret > 0 do log "{ret}" then snapshot',
          'perf:page-faults do snapshot',
        ],
        target: { kind: 'program', path, args: ['files', directory], stdio: 'ignore' },
        onEvent: (event) => events.push(event),
        onNote: () => undefined,
        budget: Number.POSITIVE_INFINITY,
      });
      const { probes, exitCode } = await trace.finished;
      expect([exitCode, probes.map(({ lost }) => lost)]).toEqual([0, [0, 0, 0]]);
      const report: { readonly writes: readonly Write[] } = JSON.parse(
        readFileSync(join(directory, 'report.json'), 'utf8'),
      );
      /** Wrappers that the compiler makes are no callers to the runtime. */
      const callers = ({ stack = [] }: TraceEvent): readonly string[] => {
        const from = stack.findIndex((frame) => frame.startsWith('main.scribble '));
        return from < 0 ? [] : stack.slice(from).filter((frame) => !functionOf(frame).includes('.gowrap'));
      };
      const same = (frames: readonly string[]): string =>
        JSON.stringify([frames.slice(0, 1).map(functionOf), ...frames.slice(1)]);
      for (const [probe, size] of [
        [1, (event: TraceEvent) => Number(event.values.count)],
        [2, (event: TraceEvent) => Number(event.values.ret)],
      ] as const) {
        const seen = events
          .filter((event) => event.probe === probe && callers(event).length > 0)
          .map((event) => `${size(event)} ${same(callers(event))}`);
        const told = report.writes
          .filter(({ count }) => probe === 1 || count > 0)
          .map(({ count, stack }) => `${count} ${same(stack)}`);
        expect(seen.toSorted()).toEqual(told.toSorted());
        expect(told.length).toBeGreaterThan(190);
      }
      // The innermost is the assembly that makes the call, and the function above it has no part in frame pointers.
      for (const { stack = [] } of events.filter((event) => event.probe === 1))
        expect(stack.slice(0, 3).map(functionOf)).toEqual([
          'internal/runtime/syscall/linux.Syscall6',
          'syscall.RawSyscall6',
          'syscall.Syscall',
        ]);
      // Taken while the processor was inside the kernel or in the program: each has callers, or says why not.
      const faults = events.filter((event) => event.probe === 3);
      expect(faults.filter(({ stack = [], stackMissing }) => stack.length === 0 && stackMissing === undefined)).toEqual(
        [],
      );
      expect(
        faults.filter(({ stack = [] }) => stack.some((frame) => frame.startsWith('runtime.'))).length,
      ).toBeGreaterThan(10);
    });
  }
});

it.skipIf(requirement('go').missing)('knows where code of programs ends, and that libraries lie anywhere', async () => {
  const parsed = parseProbeText('tracepoint:syscalls:sys_enter_write do snapshot');
  if (!parsed.ok) throw new Error(parsed.message);
  const codeOf = async (flags: readonly string[]): Promise<unknown> => {
    const binary = await openGoBinary(await buildFixture('shared', { flags, env: { CGO_ENABLED: '1' } }));
    const { code } = sourceOrigin(parsed.spec, binary);
    binary.close();
    return code;
  };
  expect(await codeOf(['-buildmode=c-shared'])).toBeUndefined();
  expect(await codeOf(['-buildmode=pie'])).toMatchObject({ fixed: false });
});
