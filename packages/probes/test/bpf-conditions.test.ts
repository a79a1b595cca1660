/** Which loads of eBPF a probe is about: conditions, limits, goroutines, and what is refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { TraceEvent } from '../src/trace/event.js';
import { startMachineTrace } from '../src/trace/machine.js';
import { startTrace } from '../src/trace/trace.js';
import { agentCommandLine } from './agent-process.js';
import { loadOf, watchMachine } from './bpfload-program.js';

describe.skipIf(requirement('kernel', 'go').missing)('probes on loads of eBPF programs', () => {
  let directory: string;
  let bpfload: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-bpf-conditions-'));
    bpfload = await privateCopy(await buildFixture('bpfload'), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('judges conditions, by what was asked and by what came of it', async () => {
    const wanted: Readonly<Record<string, readonly string[]>> = {
      'errno != 0 && comm == "bpfload"': ['uninitialized', 'leaked'],
      'errno == 0 && type == "xdp"': ['xdp'],
      'type[:4] == "sock" && (len(name) == 13 || lines > 1)': ['socket-filter', 'uninitialized'],
      'check == "leaked-reference"': ['leaked'],
      'refused && error == "EINVAL"': ['leaked'],
      'btf && !(errno == 0) && insns/2 == 1': ['uninitialized'],
    };
    const cases = ['socket-filter', 'xdp', 'uninitialized', 'leaked'];
    const probes = Object.keys(wanted).map((condition) => `bpf:load if ${condition}`);
    const { events, program, summary } = await watchMachine(bpfload, probes, ['-via', 'syscall', '-log', '1'], cases);
    await program.end();
    for (const [index, [condition, names]] of Object.entries(wanted).entries()) {
      const mine = events.filter(({ probe }) => probe === index + 1);
      const named = mine.map((event) => loadOf(event).name.replaceAll('_', '-'));
      // What the library tries out has names of its own.
      expect([condition, named.filter((name) => cases.includes(name))]).toEqual([condition, names]);
      expect(summary.probes[index]?.matches).toBeGreaterThanOrEqual(names.length);
    }
  });

  it.each([
    { probe: 'bpf:load if nothing == 1', says: /bpf has no field nothing; it has type, name, .*errno/ },
    { probe: 'bpf:load do log "{nothing}"', says: /\{nothing\} in a template .*bpf:load has type, name/ },
    { probe: 'bpf:load do stop', says: /stops the program/ },
    { probe: 'main.main do count', says: /is for one program/ },
    { probe: 'bpf:unload', says: /Expected bpf:load, bpf:map, bpf:link or bpf:attach/ },
  ])('refuses with a sentence: $probe', async ({ probe, says }) => {
    const options = { agentCommand: await agentCommandLine(), probes: [probe], onEvent: () => undefined };
    await expect(startMachineTrace(options)).rejects.toThrow(says);
  });

  it('tells no more than the limit, and counts what it left out', async () => {
    const cases = Array.from({ length: 30 }, () => 'xdp');
    const probes = ['bpf:load if name == "xdp" limit 10', 'bpf:load if name == "xdp"'];
    const { events, program, summary } = await watchMachine(bpfload, probes, ['-via', 'syscall'], cases);
    await program.end();
    const of = (number: number) => events.filter(({ probe }) => probe === number);
    const [limited, all] = summary.probes;
    // However slow the machine: ten at once, and ten in each second from the first to the last.
    const times = of(2).map(({ t }) => Number(t));
    const most = 11 + Math.ceil(((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1e8);
    expect(of(2)).toHaveLength(cases.length);
    expect(of(1).length).toBeGreaterThan(0);
    expect(of(1).length).toBeLessThanOrEqual(most);
    expect([limited?.matches, limited?.limited]).toEqual([all?.matches, (all?.matches ?? 0) - of(1).length]);
  });

  it('tells the goroutine of a program that it was told of', async () => {
    const events: TraceEvent[] = [];
    const trace = await startTrace({
      agentCommand: await agentCommandLine(),
      probes: [
        'bpf:load if name == "leaked"',
        'bpf:load if name == "leaked" || name == "xdp" on main do count',
        'bpf:load on goroutine 999999 do count',
      ],
      target: { kind: 'program', path: bpfload, args: ['-via', 'syscall', 'leaked', 'xdp'], stdio: 'ignore' },
      onEvent: (event) => events.push(event),
      onNote: () => undefined,
    });
    const { probes } = await trace.finished;
    // It loads on its main goroutine, whose id is 1, and has ended since.
    const over = events.filter(({ bpf }) => bpf?.errno !== 11);
    expect(over.map(({ goid, bpf }) => [goid, bpf?.kind, bpf?.errno])).toEqual([['1', 'load', 22]]);
    expect(probes.map(({ matches }) => matches)).toEqual([events.length, expect.any(Number), 0]);
    expect(probes[1]?.matches).toBeGreaterThanOrEqual(2);
  });
});
