/**
 * What SIGKILL leaves in a program's text when it finds an agent at taking its probes out, and that the guard takes it out
 * then. The leak is made for real (order-main.ts) and seen in the program's memory.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { runGuard } from '../src/agent/guard.js';
import type { GuardOrder } from '../src/agent/guard-protocol.js';
import { processState } from '../src/agent/process-state.js';
import { findStrayBreakpoints, liftBreakpoints } from '../src/agent/stray-breakpoints.js';
import { mendBreakpoints } from '../src/doctor/breakpoints.js';
import { startTestAgent, testProgram } from './agent-process.js';
import { handPlan, type Instruction } from './hand-plan.js';
import { changedBytes, type RunningProgram, startProgram } from './verify-program.js';

const CALL = 0xe8;

/** The kernel makes calls of uprobes on five-byte nops that run often. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const makesCalls = major > 6 || (major === 6 && minor >= 18);

/** The program is not position independent. */
const liveByte = ({ pid }: RunningProgram, address: number): number | undefined => {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const byte = new Uint8Array(1);
    return readSync(memory, byte, 0, 1, address) === 1 ? byte[0] : undefined;
  } finally {
    closeSync(memory);
  }
};

describe.skipIf(requirement('kernel', 'go').missing)(
  'breakpoints of an agent that was killed while it disarmed',
  () => {
    let directory: string;
    let path: string;
    let places: readonly number[];

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'probelens-leaked-'));
      path = await privateCopy(await buildFixture('verify'), directory);
      const at = ({ text }: Instruction): boolean => text.startsWith('TESTQ');
      const plan = await handPlan(path, 'main.price', { tier: 2, at });
      places = plan.sites.flatMap((site) => [Number(site.offset), Number(site.sentinel)]);
    });
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    const changed = (program: RunningProgram, at: readonly number[] = places): readonly number[] =>
      changedBytes(program.pid, path, (at[0] ?? 0) - 64, 192);

    /** Kills owners in the midst of closing until one of them leaves something. */
    const leak = async (program: RunningProgram, at: readonly number[] = places): Promise<readonly number[]> => {
      const bundle = await testProgram('order-main.ts');
      for (;;) {
        const args = [bundle, path, ...at.map(String), 'closed-together', String(program.pid)];
        const owner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        await once(owner.stdout, 'data');
        owner.kill('SIGKILL');
        await once(owner, 'exit');
        const left = changed(program, at);
        if (left.length > 0) return left;
      }
    };

    interface Order {
      readonly startTime?: string;
      readonly offsets?: readonly number[];
    }

    const guarded = async (program: RunningProgram, { startTime, offsets = places }: Order = {}): Promise<void> => {
      const { dev, ino } = statSync(path, { bigint: true });
      const state = processState(program.pid);
      if (state === undefined) throw new Error('the program is gone');
      const order: GuardOrder = {
        kind: 'watch',
        target: { pid: program.pid, startTime: startTime ?? state.startTime },
        tracer: undefined,
        stops: false,
        note: undefined,
        text: [{ device: String(dev), inode: String(ino), offsets }],
      };
      const input = new PassThrough();
      const guard = runGuard({ input });
      input.end(`${JSON.stringify(order)}\n`);
      expect(await guard).toBe(0);
    };

    it('are taken out by a new agent that is asked for it', { timeout: 120_000 }, async () => {
      const program = await startProgram(path);
      const agent = await startTestAgent();
      try {
        const { pid } = program;
        const left = await leak(program);
        await expect(agent.mend({ pid, offsets: [-1] })).rejects.toThrow(/no places to mend/);
        expect(await agent.mend({ pid, offsets: places.filter((place) => !left.includes(place)) })).toBe(true);
        expect(changed(program)).toEqual(left);
        expect(await agent.mend({ pid, offsets: places })).toBe(true);
        expect(changed(program)).toEqual([]);
        expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
      } finally {
        program.kill();
        await agent.dispose();
      }
    });

    it('stay, lower ones too, where a higher one cannot be taken out', { timeout: 120_000 }, async () => {
      const program = await startProgram(path);
      try {
        const left = await leak(program);
        const behindTheFile = statSync(path).size + 4096;
        expect(liftBreakpoints(program.pid, path, [...left, behindTheFile])).toMatch(/\.$/);
        expect(changed(program)).toEqual(left);
        expect(liftBreakpoints(program.pid, path, left)).toBeUndefined();
        expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
      } finally {
        program.kill();
      }
    });

    it('are taken out by the guard, and no result was wrong', { timeout: 120_000 }, async () => {
      const program = await startProgram(path);
      try {
        const left = await leak(program);
        expect(places).toEqual(expect.arrayContaining([...left]));
        // Another process that only has the number is none of the guard's business.
        await guarded(program, { startTime: '1' });
        expect(changed(program)).toEqual(left);
        await guarded(program);
        expect(changed(program)).toEqual([]);
        expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
      } finally {
        program.kill();
      }
    });

    it.skipIf(!makesCalls)(
      'are calls where the place is a five-byte nop, and go as well',
      { timeout: 120_000 },
      async () => {
        const at = ({ text, bytes }: Instruction): boolean => text.startsWith('NOPL') && bytes === '0f1f440000';
        // In the loop that all of the work is done in.
        const [site] = (await handPlan(path, 'main.compute', { tier: 'nop5', at, action: { kind: 'count' } })).sites;
        const nop = Number(site?.offset);
        const address = Number(site?.address);
        for (const mend of ['guard', 'doctor'] as const) {
          const program = await startProgram(path);
          try {
            // Killed before the place has run often, an owner leaves a breakpoint.
            while (liveByte(program, address) !== CALL) await leak(program, [nop, nop]);
            const found = findStrayBreakpoints([program.pid]);
            expect(found).toMatchObject([{ offsets: [nop], calls: [nop], refusal: undefined }]);
            if (mend === 'guard') await guarded(program, { offsets: [nop] });
            else
              expect(await mendBreakpoints([program.pid])).toEqual([
                `Took 1 call of a dead owner's uprobes out of process ${program.pid}.`,
              ]);
            expect(changed(program, [nop])).toEqual([]);
            expect(findStrayBreakpoints([program.pid])).toEqual([]);
            expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
          } finally {
            program.kill();
          }
        }
      },
    );
  },
);
