/** One probe in the kernel, with and without what newer kernels have. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BpfMap, createMap } from '@probelens/bpf';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { admit } from '../src/agent/admission.js';
import { ArmedProbe, type KernelAbilities } from '../src/agent/armed-probe.js';
import { BinaryFiles } from '../src/agent/binary-file.js';
import type { PlannedSite, ProbePlan } from '../src/plan/plan.js';
import { controlSize } from '../src/program/index.js';
import { handPlan } from './hand-plan.js';
import { kernelIsClean, kernelObjects } from './kernel-leftovers.js';
import { until } from './until.js';
import { changedBytes, type RunningProgram, startProgram } from './verify-program.js';

const today: KernelAbilities = {
  uprobeMulti: true,
  uprobeMultiPid: true,
  sleepable: true,
  cookies: true,
  closeRange: true,
};

const kernels: Readonly<Record<string, KernelAbilities>> = {
  'of today': today,
  'whose links cannot be limited to a process': {
    uprobeMulti: true,
    uprobeMultiPid: false,
    sleepable: true,
    cookies: true,
    closeRange: true,
  },
  'without uprobe_multi': {
    uprobeMulti: false,
    uprobeMultiPid: false,
    sleepable: false,
    cookies: true,
    closeRange: true,
  },
};

describe.skipIf(requirement('kernel', 'go', 'bpftool').missing)('armed on a kernel', () => {
  let directory: string;
  let path: string;
  let plan: ProbePlan;
  /** The same places for counting: no sentinels. */
  let counting: ProbePlan;
  let program: RunningProgram;
  let files: BinaryFiles;
  let control: BpfMap;
  let events: BpfMap;
  let before: ReadonlySet<string>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-armed-'));
    path = await privateCopy(await buildFixture('verify'), directory);
    // Tier 2 with its sentinel, and a second place: several links, several cookies.
    const inner = await handPlan(path, 'main.price', { tier: 2, at: ({ text }) => text.startsWith('TESTQ') });
    const second = await handPlan(path, 'main.blend', { tier: 2, at: ({ text }) => text.startsWith('ANDL') });
    plan = { ...inner, sites: [...inner.sites, ...second.sites] };
    const sites = plan.sites.map((site): PlannedSite => ({ ...site, use: 'log', sentinel: undefined }));
    counting = { ...plan, spec: { ...plan.spec, action: { kind: 'count' } }, sites };
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(async () => {
    before = new Set(await kernelObjects());
    program = await startProgram(path);
    files = new BinaryFiles();
    control = createMap({ type: 'array', name: 'probelens_ctl', valueSize: controlSize, maxEntries: 1 });
    events = createMap({ type: 'ringbuf', name: 'probelens_ring', maxEntries: 64 * 1024 });
  });
  afterEach(async () => {
    program.kill();
    files.close();
    control.close();
    events.close();
    expect(await kernelIsClean(before)).toEqual([]);
  });

  const planFor = ({ uprobeMulti }: KernelAbilities): ProbePlan => (uprobeMulti ? plan : counting);

  const offsetsOf = ({ sites }: ProbePlan): number[] =>
    sites
      .flatMap((site) => [Number(site.offset), ...(site.sentinel === undefined ? [] : [Number(site.sentinel)])])
      .toSorted((a, b) => a - b);

  for (const [name, abilities] of Object.entries(kernels)) {
    it(`${name}: gates and sentinels go in and out, and no result is wrong`, { timeout: 60_000 }, async () => {
      const target = { pid: program.pid, tracer: undefined };
      const plan = planFor(abilities);
      const offsets = offsetsOf(plan);
      const admitted = await admit(plan, target, { files, asking: 0, ours: () => false });
      const [first = 0] = offsets;
      for (let round = 0; round < 3; round++) {
        const probe = new ArmedProbe({
          id: round + 1,
          plan,
          admitted,
          machine: 'amd64',
          stop: { kind: 'none' },
          maps: { control, events },
          abilities,
        });
        expect(changedBytes(program.pid, path, first - 32, 256)).toEqual(offsets);
        expect(offsets.every((offset) => probe.holds(admitted.file, offset))).toBe(true);
        expect(probe.holds(admitted.file, first + 1)).toBe(false);
        await until('it was hit', () => probe.counters.hits > 100);
        const { hits } = probe.disarm();
        expect(probe.counters.hits).toBe(hits);
        expect(changedBytes(program.pid, path, first - 32, 256)).toEqual([]);
      }
      expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
    });
  }

  it('whose links do not go together: no place that needs a sentinel', async () => {
    const target = { pid: program.pid, tracer: undefined };
    const admitted = await admit(plan, target, { files, asking: 0, ours: () => false });
    const [first = 0] = offsetsOf(plan);
    for (const lacking of ['uprobeMulti', 'closeRange'] as const) {
      const abilities: KernelAbilities = { ...today, [lacking]: false };
      const request = { id: 1, plan, admitted, machine: 'amd64', stop: { kind: 'none' } } as const;
      expect(() => new ArmedProbe({ ...request, maps: { control, events }, abilities })).toThrow(
        /^This kernel cannot take out two probes of one instruction at once .*leave it to the debugger\.$/,
      );
      expect(changedBytes(program.pid, path, first - 32, 256)).toEqual([]);
    }
    expect(await program.finish()).toMatchObject({ bad: 0, code: 0 });
  });

  it('belongs to its process, though the breakpoints belong to the file', { timeout: 60_000 }, async () => {
    const other = await startProgram(path);
    try {
      for (const abilities of Object.values(kernels)) {
        const own = await startProgram(path);
        const target = { pid: own.pid, tracer: undefined };
        const plan = planFor(abilities);
        const admitted = await admit(plan, target, { files, asking: 0, ours: () => false });
        const probe = new ArmedProbe({
          id: 1,
          plan,
          admitted,
          machine: 'amd64',
          stop: { kind: 'none' },
          maps: { control, events },
          abilities,
        });
        await until('it was hit', () => probe.counters.hits > 100);
        own.kill();
        await own.exited();
        const { hits } = probe.counters;
        // Without a limit in the link the other process runs into the probe as well: the program must not count it.
        const [first = 0] = offsetsOf(plan);
        const touched = changedBytes(other.pid, path, first, 1).length > 0;
        expect(touched).toBe(abilities.uprobeMulti && !abilities.uprobeMultiPid);
        const before = other.ticks;
        await until('the other one has run on', () => other.ticks > before + 5);
        expect(probe.counters.hits).toBe(hits);
        probe.disarm();
      }
      expect(await other.finish()).toMatchObject({ bad: 0, code: 0 });
    } finally {
      other.kill();
    }
  });
});
