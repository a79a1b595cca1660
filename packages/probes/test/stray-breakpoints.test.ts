/** Breakpoints without a debugger: found, taken out, and told from uprobes. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Assembler, attachPerfUprobe, type Link, loadProgram, type Program } from '@probelens/bpf';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { findStrayBreakpoints, type StrayBreakpoints } from '../src/agent/stray-breakpoints.js';
import { mendBreakpoints } from '../src/doctor/breakpoints.js';
import { attachDelve } from './delve-session.js';
import { handPlan } from './hand-plan.js';
import { until } from './until.js';
import { changedBytes, type RunningProgram, startProgram } from './verify-program.js';

describe.skipIf(requirement('kernel', 'go').missing)('breakpoints without a debugger', () => {
  let directory: string;
  let path: string;
  let program: RunningProgram;
  const open: { close(): void }[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-stray-'));
    path = await privateCopy(await buildFixture('verify', { flags: ['-gcflags=all=-N -l'] }), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(async () => {
    program = await startProgram(path);
  });
  afterEach(() => {
    for (const one of open.splice(0).toReversed()) one.close();
    program.kill();
  });

  const here = (): readonly StrayBreakpoints[] => findStrayBreakpoints([program.pid]);

  const siteOf = async (name: string): Promise<{ readonly offset: number; readonly address: number }> => {
    const [site] = (await handPlan(path, name, { action: { kind: 'count' } })).sites;
    if (site === undefined) throw new Error('the plan has no site');
    return { offset: Number(site.offset), address: Number(site.address) };
  };

  /** It runs once: no thread stands in it, or comes by any more. */
  const cold = 'main.main';

  const halt = async (): Promise<void> => {
    process.kill(program.pid, 'SIGSTOP');
    await until('it is stopped', () => program.states.every((state) => state === 'T'));
  };

  /** The program is not position independent: its addresses are those of the file. */
  const write = (address: number, bytes: readonly number[]): void => {
    const memory = openSync(`/proc/${program.pid}/mem`, 'r+');
    writeSync(memory, Uint8Array.from(bytes), 0, bytes.length, address);
    closeSync(memory);
  };

  it('are taken out, and the program goes on', async () => {
    const { offset, address } = await siteOf(cold);
    expect(here()).toEqual([]);
    await halt();
    write(address, [0xcc]);
    expect(here()).toMatchObject([{ offsets: [offset], refusal: undefined }]);
    expect(await mendBreakpoints([program.pid])).toEqual([
      `Took 1 breakpoint of a dead debugger out of process ${program.pid} and continued it.`,
    ]);
    expect(here()).toEqual([]);
    expect(changedBytes(program.pid, path, offset - 16, 64)).toEqual([]);
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  });

  it('stay where other code was changed too', async () => {
    const { offset, address } = await siteOf(cold);
    await halt();
    write(address, [0xcc]);
    write(address - 1, [0x90]);
    expect(await mendBreakpoints([program.pid])).toEqual([
      `Process ${program.pid} was left alone: more of its code differs from its file than breakpoints; restart it.`,
    ]);
    expect(changedBytes(program.pid, path, offset - 16, 64)).toEqual([offset - 1, offset]);
  });

  it("stay where they are another tool's uprobes", async () => {
    const { offset } = await siteOf('main.price');
    const nothing: Program = loadProgram({
      type: 'kprobe',
      name: 'stranger',
      instructions: new Assembler().mov('r0', 0).exit().assemble(),
    });
    open.push(nothing);
    const link: Link = attachPerfUprobe({ program: nothing, path, offset, pid: program.pid });
    open.push(link);
    expect(await mendBreakpoints([program.pid])).toEqual([
      `The breakpoints in process ${program.pid} are uprobes of some other tool and stay.`,
    ]);
    expect(changedBytes(program.pid, path, offset - 16, 64)).toEqual([offset]);
    link.close();
    expect(here()).toEqual([]);
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  });

  it.skipIf(requirement('delve').missing)('are what a killed Delve leaves', async () => {
    const delve = await attachDelve(program.pid);
    const answer = await delve.request('setFunctionBreakpoints', { breakpoints: [{ name: cold }] });
    expect(answer.success).toBe(true);
    expect(here()).toEqual([]);
    delve.kill();
    await delve.exited;
    const [stray] = here();
    expect(stray?.refusal).toBeUndefined();
    // Beside main.main those that Delve keeps where Go gives up.
    expect(stray?.offsets.length).toBeGreaterThan(1);
    expect(await mendBreakpoints([program.pid])).toMatchObject([
      expect.stringMatching(/^Took \d+ breakpoints of a dead/),
    ]);
    expect(here()).toEqual([]);
    await until('it runs', () => !program.states.includes('T'));
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  });
});
