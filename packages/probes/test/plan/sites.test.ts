/** Every planned site is an instruction that objdump sees at that address, in every kind of build. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachUprobeMulti, loadProgram } from '@probelens/bpf';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { buildFixture, privateCopy } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import type { PlannedSite } from '../../src/plan/plan.js';
import { loadPlanner, type Planner, type PlanOptions } from '../../src/plan/planner.js';
import { buildSentinel } from '../../src/program/index.js';
import type { ProbeSpec } from '../../src/spec/spec.js';

interface Listed {
  readonly bytes: string;
  readonly text: string;
}

/** Instructions by address, as binutils decode them. */
const listing = (path: string): ReadonlyMap<string, Listed> => {
  const { stdout } = spawnSync('objdump', ['-d', '-w', path], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });

  const found = new Map<string, Listed>();
  for (const [, address, bytes, instruction] of stdout.matchAll(/^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*\t(.*)$/gm)) {
    found.set(`0x${address}`, { bytes: (bytes ?? '').replaceAll(' ', ''), text: instruction ?? '' });
  }
  return found;
};

const spec = (target: ProbeSpec['target']): ProbeSpec => ({
  target,
  condition: undefined,
  scope: { kind: 'process' },
  action: { kind: 'count' },
  rateLimit: undefined,
});

const planned = (
  planner: Planner,
  binary: GoBinary,
  target: ProbeSpec['target'],
  options: PlanOptions,
): readonly PlannedSite[] => {
  const result = planner.plan(spec(target), binary, options);
  return result.ok ? result.plan.sites : [];
};

const check = (site: PlannedSite, instructions: ReadonlyMap<string, Listed>): void => {
  const there = instructions.get(site.address);
  const where = `${site.function} ${site.address} (${site.use}, tier ${site.tier})`;
  expect(there?.bytes, where).toBe(site.instruction);
  const text = there?.text ?? '';
  if (site.tier === 1) expect(site.instruction, where).toMatch(/^(?:55|90)$/);
  if (site.use === 'return') expect(text, where).toMatch(/^ret/);
  if (site.tier === 'stepped' && site.use === 'stop') expect(text, where).toMatch(/^pop +%rbp/);
  const length = site.instruction.length / 2;
  if (site.tier !== 2) {
    expect(site.sentinel, where).toBeUndefined();
    return;
  }
  expect(length, where).toBeGreaterThan(1);
  expect(Number(site.sentinel), where).toBe(Number(site.offset) + length - 1);
  // No branch, no call; and what follows is an instruction too.
  expect(text, where).not.toMatch(/^(?:j|call|ret|int|syscall|rep|lock)/);
  expect(instructions.has(`0x${(Number(site.address) + length).toString(16)}`), where).toBe(true);
};

/** The kernel looks at an instruction when a probe is put on it in a running program: here in one that stands still. */
const attachAll = async (binary: string, sites: readonly PlannedSite[]): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'probelens-sites-'));
  const path = await privateCopy(binary, directory);
  const running = spawn(path, ['1000000000'], { stdio: 'ignore' });
  await once(running, 'spawn');
  running.kill('SIGSTOP');
  const instructions = buildSentinel();
  const program = loadProgram({ type: 'kprobe', name: 'site', instructions, expectedAttachType: 'uprobe-multi' });
  const places = sites.flatMap((site) => [site.offset, ...(site.sentinel === undefined ? [] : [site.sentinel])]);
  const offsets = [...new Set(places.map(Number))];
  const attach = (some: readonly number[]): void => attachUprobeMulti({ program, path, offsets: some }).close();
  try {
    attach(offsets);
  } catch (error) {
    // Which one?
    for (const offset of offsets) {
      const site = sites.find((each) => Number(each.offset) === offset || Number(each.sentinel) === offset);
      expect(() => attach([offset]), JSON.stringify(site)).not.toThrow();
    }
    throw error;
  } finally {
    program.close();
    running.kill('SIGKILL');
    await rm(directory, { recursive: true });
  }
};

describe.skipIf(requirement('go').missing)('planned sites', () => {
  test.each([
    ['optimised', []],
    ['-N -l', ['-gcflags=all=-N -l']],
    ['PIE', ['-buildmode=pie']],
    ['-race', ['-race']],
  ])('are instructions, %s', async (_name, flags) => {
    const path = await buildFixture('variety', { flags });
    const instructions = listing(path);
    expect(instructions.size).toBeGreaterThan(50_000);
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    const functions = binary.functionsMatching(/^(?:main|strconv|sync|fmt)\./).filter((fn) => !fn.generated);
    const accepted: PlannedSite[] = [];
    const count = { functions: 0, stops: 0, returns: 0, lines: 0 };
    for (const fn of functions) {
      const name = { kind: 'function', name: fn.name } as const;
      for (const use of ['log', 'stop'] as const) {
        for (const site of planned(planner, binary, name, { use, avoid: [] })) {
          check(site, instructions);
          accepted.push(site);
          count[use === 'log' ? 'functions' : 'stops']++;
        }
        for (const site of planned(planner, binary, { kind: 'return', name: fn.name }, { use })) {
          check(site, instructions);
          accepted.push(site);
          count.returns++;
        }
      }
    }
    const own = functions.filter((fn) => fn.name.startsWith('main.'));
    const lines = new Set(
      own.flatMap((fn) =>
        binary.linesOf(fn).flatMap(({ chain: [position] }) => (position ? [`${position.file}:${position.line}`] : [])),
      ),
    );
    for (const line of lines) {
      const [, file = '', number = ''] = /^(.*):([0-9]+)$/.exec(line) ?? [];
      if (number === '0') continue;
      for (const use of ['log', 'stop'] as const) {
        for (const site of planned(
          planner,
          binary,
          { kind: 'line', file, line: Number(number) },
          { use, avoid: [], yielding: true },
        )) {
          check(site, instructions);
          accepted.push(site);
          count.lines++;
        }
      }
    }
    expect(count.functions).toBeGreaterThan(functions.length * 0.8);
    expect(count.stops).toBeGreaterThan(functions.length * 0.4);
    expect(count.returns).toBeGreaterThan(functions.length);
    expect(count.lines).toBeGreaterThan(lines.size / 2);
    if (!requirement('kernel').missing) await attachAll(path, accepted);
    binary.close();
    planner.dispose();
  });
});
