import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import { openProcess } from '../src/index.js';
import { bundle } from './bundle.js';
import { TinyProcess, type TinyProgram, writeTinyProgram } from './tiny-program.js';

const bpftool = findProgram('bpftool') ?? 'bpftool';

interface KernelObject {
  readonly id: number;
  readonly name?: string;
  readonly prog_id?: number;
}

const list = (what: 'prog' | 'map' | 'link'): readonly KernelObject[] =>
  JSON.parse(spawnSync(bpftool, ['-j', what, 'list'], { encoding: 'utf8' }).stdout || '[]') as KernelObject[];

/** What the kernel holds of an owner: its programs and maps by name, links by their programs. */
function left(prefix: string): { programs: number; maps: number; links: number } {
  const programs = list('prog').filter(({ name }) => name?.startsWith(prefix));
  const ids = new Set(programs.map(({ id }) => id));
  return {
    programs: programs.length,
    maps: list('map').filter(({ name }) => name?.startsWith(prefix)).length,
    links: list('link').filter(({ prog_id: id }) => id !== undefined && ids.has(id)).length,
  };
}

const armed = { programs: 5, maps: 2, links: 6 };
const nothing = { programs: 0, maps: 0, links: 0 };

/** Bytes of the running program's text: an armed uprobe is an int3 (0xcc) there. */
const textByte = (pid: number, address: bigint): number => {
  const memory = spawnSync('dd', [`if=/proc/${pid}/mem`, 'bs=1', 'count=1', `skip=${address}`, 'status=none']);
  return memory.stdout[0] ?? -1;
};

describe.skipIf(requirement('kernel', 'bpftool').missing)('endings', () => {
  let program: TinyProgram;
  let target: TinyProcess;
  let script: string;
  let count = 0;

  beforeAll(async () => {
    program = writeTinyProgram({ functions: 1, rounds: 100 });
    target = new TinyProcess(program);
    script = await bundle(new URL('children/owner.ts', import.meta.url));
    await target.run();
  });

  afterAll(async () => {
    expect(await target.end()).toBe(0);
    program.remove();
  });

  const arm = async (): Promise<{ owner: ChildProcessWithoutNullStreams; prefix: string }> => {
    const prefix = `pl${process.pid}_${count++}`;
    const args = [script, program.path, `${program.offsets[0]}`, `${target.pid}`, prefix];
    const owner = spawn(process.execPath, args);
    owner.stderr.pipe(process.stderr);
    expect(String((await once(owner.stdout, 'data'))[0])).toBe('armed');
    expect(left(prefix)).toEqual(armed);
    expect(textByte(target.pid, program.addresses[0] ?? 0n)).toBe(0xcc);
    return { owner, prefix };
  };

  /** Detached programs and their maps are freed after a grace period (RCU), of which nobody is told. */
  const gone = (prefix: string) => expect.poll(() => left(prefix), { timeout: 10_000 }).toEqual(nothing);

  const original = (): number => readFileSync(program.path)[program.offsets[0] ?? 0] ?? -1;

  it('leaves nothing in the kernel after close', async () => {
    const { owner, prefix } = await arm();
    await target.run();
    owner.stdin.write('close');
    expect(String((await once(owner.stdout, 'data'))[0])).toBe('closed');
    const [code] = await once(owner, 'exit');
    expect(code).toBe(0);
    expect(textByte(target.pid, program.addresses[0] ?? 0n)).toBe(original());
    await gone(prefix);
    await target.run();
  });

  it.each([1, 2, 3])('leaves nothing after SIGKILL of the owner, and the target goes on (%i)', async () => {
    const { owner, prefix } = await arm();
    const handle = openProcess(owner.pid ?? 0);
    const ended = new Promise<void>((resolve) => handle.onExit(resolve));
    const running = target.run();
    owner.kill('SIGKILL');
    await ended;
    handle.close();
    await running;
    await gone(prefix);
    expect(textByte(target.pid, program.addresses[0] ?? 0n)).toBe(original());
    await target.run();
  });
});
