/** Values of several parts as the kernel reads them from a running program, against what Go's own fmt and len say. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { attachUprobeMulti, createMap, loadProgram, RingBuffer } from '@probelens/bpf';
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { findDelve } from '../../../test/delve.js';
import { requirement } from '../../../test/requirements.js';
import { toolchains } from '../../gosym/test/dwarf/toolchains.js';
import { capturedValue } from '../src/agent/captured-text.js';
import type { CapturedValue } from '../src/events.js';
import type { ProbePlan } from '../src/plan/plan.js';
import { loadPlanner } from '../src/plan/planner.js';
import {
  buildProgram,
  controlSize,
  readRecordHeader,
  recordLayout,
  stateSize,
  validatePlan,
} from '../src/program/index.js';
import { parseProbeText } from '../src/spec/text.js';
import { ConditionRun } from './lowering/kernel.js';
import { buildSource } from './plan/source-program.js';
import { expected, source } from './structured-program.js';

const captured = async (path: string, plan: ProbePlan): Promise<readonly (readonly CapturedValue[])[]> => {
  const run = new ConditionRun(path, 0);
  await run.ready();
  const state = createMap({ type: 'array', keySize: 4, valueSize: stateSize, maxEntries: 1, name: 'state' });
  const control = createMap({ type: 'array', keySize: 4, valueSize: controlSize, maxEntries: 1, name: 'control' });
  const events = createMap({ type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 1 << 20, name: 'events' });
  const ring = new RingBuffer(events);
  const maps = { state, control, events };
  const common = { plan, machine: 'amd64', probe: 1, target: run.pid, sleepable: true, siteCookie: false } as const;
  const instructions = buildProgram({ ...common, stop: { kind: 'none' }, maps });
  const kind = { type: 'kprobe', name: 'values', sleepable: true, expectedAttachType: 'uprobe-multi' } as const;
  const program = loadProgram({ ...kind, instructions });
  const offsets = plan.sites.map((site) => Number(site.offset));
  const link = attachUprobeMulti({ program, path: plan.binary.path, offsets, pid: run.pid });
  await run.finish();
  const layout = recordLayout(plan.captures);
  const hits: CapturedValue[][] = [];
  ring.drain((view, offset) => {
    const { captureFaults } = readRecordHeader(view, offset);
    expect(captureFaults).toBe(0);
    hits.push(
      plan.captures.map((capture, index) => {
        const at = layout.captures[index];
        return capturedValue(capture, view, at === undefined ? undefined : offset + at, false);
      }),
    );
  });
  ring.close();
  for (const each of [link, program, state, control, events]) each.close();
  return hits;
};

/** What Delve prints of expressions where a function begins. */
const delvePrints = (path: string, fn: string, expressions: readonly string[]): readonly string[] => {
  const questions = expressions.map((each) => `print "#"\nprint ${each}`).join('\n');
  const settings = 'config max-string-len 100\n';
  const newline = `${path}.newline`;
  writeFileSync(newline, '\n');
  const options = ['exec', path, '--allow-non-terminal-interactive=true', '-r', `stdin:${newline}`, '--', '0'];
  const input = `${settings}break ${fn}\ncontinue\n${questions}\nprint "#"\nexit\n`;
  const { stdout } = spawnSync(findDelve() ?? 'dlv', options, { input, encoding: 'utf8' });
  return stdout.split('"#"').slice(1);
};

const elder = requirement('go').missing ? [] : toolchains().filter((version) => /^go1\.22\./.test(version));

describe.skipIf(requirement('kernel', 'go').missing)('values of several parts', () => {
  test.each<readonly [string, readonly string[], Readonly<Record<string, string>>]>([
    ['optimised', [], {}],
    ['-N -l', ['-gcflags=all=-N -l'], {}],
    // Maps had another layout up to Go 1.23.
    ...elder.map((version): [string, string[], Record<string, string>] => [version, [], { GOTOOLCHAIN: version }]),
  ])('%s', async (_name, flags, env) => {
    const path = await buildSource(source, flags, env);
    const binary = await openGoBinary(path);
    const planner = await loadPlanner();
    const parsed = parseProbeText('main.takes do log "{o} {p} {xs} {e} {any} {m} {c} {words}"');
    if (!parsed.ok) throw new Error(parsed.message);
    const result = planner.plan(parsed.spec, binary);
    if (!result.ok) throw new Error(result.refusal.message);
    const plan = validatePlan(JSON.parse(JSON.stringify(result.plan)), 'amd64');
    const hits = await captured(path, plan);
    expect(hits.length).toBe(expected.length);
    for (const [index, want] of expected.entries()) {
      for (const [name, truth] of Object.entries(want)) {
        const value = hits[index]?.find((each) => each.name === name);
        if (typeof truth === 'string') expect([index, name, value?.text]).toEqual([index, name, truth]);
        else expect(value?.text, `${index} ${name}`).toMatch(truth);
      }
    }
    const json = (name: string) => hits[0]?.find((each) => each.name === name)?.json;
    expect(json('p')).toEqual({ A: 0, B: -1, C: 200 });
    expect(json('xs')).toEqual({ length: 3, capacity: 3, elements: [1, -2, 3] });
    expect(json('m')).toEqual({ length: 100 });
    expect(json('o')).toMatchObject({ value: { ID: -5, Name: 'ACME', In: { Wide: '-4611686018427387904' } } });
    expect(json('e')).toMatchObject({ type: '*main.myError' });
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });

  test('what a limit leaves out is said, and the rest is what Delve shows', async () => {
    const path = await buildSource(source, ['-gcflags=all=-N -l']);
    const binary = await openGoBinary(path);
    const planner = await loadPlanner();
    const parsed = parseProbeText('main.wides do log "{w} {m} {l} {pn} {ps} {none} {cut}"');
    if (!parsed.ok) throw new Error(parsed.message);
    const result = planner.plan(parsed.spec, binary);
    if (!result.ok) throw new Error(result.refusal.message);
    const plan = validatePlan(JSON.parse(JSON.stringify(result.plan)), 'amd64');
    const [hit] = await captured(path, plan);
    const [w, m, l, pn, ps, none, cut] = hit ?? [];
    expect(w?.text).toMatch(/ N31:31 \.\.\.\+8 more fields, limit 32 fields\}$/);
    expect(w?.json).toMatchObject({ value: { N31: 31, '...': { fields: 8, limit: '32 fields' } } });
    expect(m?.text).toMatch(/ \.\.\.\+8 more fields, limit 24 reads\}$/);
    const text = '01234567890123456789012345678901';
    expect(m?.json).toMatchObject({ value: { S0: 'first', S2: { text, length: 50 }, '...': { fields: 8 } } });
    expect(l?.text).toMatch(
      /^\{Blob:\[9 .*\] X:\?\(limit 256 bytes\) Y:\?\(.*\) S:"end" \.\.\.\+1 more field, limit 256/,
    );
    expect(l?.json).toMatchObject({ Blob: { length: 32 }, X: { leftOut: 'limit 256 bytes' }, S: 'end' });
    expect([pn, ps, none].map((each) => each?.text)).toEqual(['&41', `&"${text}"...+18 more`, 'nil']);
    expect(cut).toMatchObject({ text: '[1 2 3 4 5 6 7 8 ...+2 more]', json: { length: 10, capacity: 10 } });
    if (!requirement('delve').missing) {
      const shown = (printed: string) => [...printed.matchAll(/\b(\w+): ?("[^"]*"|-?\d+)/g)].map(([, ...pair]) => pair);
      const truth = delvePrints(path, 'main.wides', ['*w', '*m']);
      for (const [index, value] of [w, m].entries()) {
        const all = shown(truth[index] ?? '');
        const known = shown(value?.text ?? '').map(([name, each]) => [name, each]);
        expect(all.slice(0, known.length).map(([name, each]) => [name, each?.slice(0, 33).replace(/"$/, '')])).toEqual(
          known.map(([name, each]) => [name, each?.replace(/"$/, '')]),
        );
        expect(value?.text).toContain(`...+${all.length - known.length} more fields`);
      }
    }
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });

  test('what an interface holds is shown where it is a number or a text, as Go prints it', async () => {
    const path = await buildSource(source);
    const truth = spawnSync(path, ['truth'], { encoding: 'utf8' }).stdout.trimEnd().split('\n');
    const binary = await openGoBinary(path);
    const planner = await loadPlanner();
    const parsed = parseProbeText('main.holds do log "{a} {e} {h}"');
    if (!parsed.ok) throw new Error(parsed.message);
    const result = planner.plan(parsed.spec, binary);
    if (!result.ok) throw new Error(result.refusal.message);
    const plan = validatePlan(JSON.parse(JSON.stringify(result.plan)), 'amd64');
    const hits = await captured(path, plan);
    expect(hits.map(([a]) => a?.text)).toEqual(truth);
    const isError = (text: string): boolean => /^\*(?:errors|fmt|main\.myError)/.test(text);
    const errors = truth.map((text) => (isError(text) ? text : 'nil'));
    expect(hits.map(([, e]) => e?.text)).toEqual(errors);
    expect(hits.map(([, , h]) => h?.text)).toEqual(truth.map((text, index) => `&{Err:${errors[index]} Any:${text}}`));
    const json = (text: string): unknown => hits[truth.indexOf(text)]?.[0]?.json;
    expect(json('int8(-128)')).toMatchObject({ type: 'int8', value: -128 });
    expect(json('uint64(18446744073709551615)')).toMatchObject({ value: '18446744073709551615' });
    expect(json('*errors.errorString("plain")')).toMatchObject({ type: '*errors.errorString', value: 'plain' });
    expect(truth.length).toBeGreaterThan(25);
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });

  test('what is too deep or too large says which limit cut it, and a text is cut between characters', async () => {
    const path = await buildSource(source);
    const binary = await openGoBinary(path);
    const planner = await loadPlanner();
    const parsed = parseProbeText('main.cuts do log "{d} {pd} {many} {nested} {s}"');
    if (!parsed.ok) throw new Error(parsed.message);
    const result = planner.plan(parsed.spec, binary);
    if (!result.ok) throw new Error(result.refusal.message);
    const [hit] = await captured(path, validatePlan(JSON.parse(JSON.stringify(result.plan)), 'amd64'));
    expect(hit?.map(({ text }) => text)).toEqual([
      '{A:{B:{C:{D:{...+1 more field, limit 4 levels}}}}}',
      '&{A:{B:{C:{...+1 more field, limit 4 levels}}}}',
      '[{Words:[0 0 0 0 0 0 0 0 ...+32 more] Last:"x"} ...+1 more, limit 256 bytes]',
      '[{A:{B:{C:{...+1 more field, limit 4 levels}}}} {A:{B:{C:{...+1 more field, limit 4 levels}}}}]',
      `"${'世'.repeat(21)}"...+27 more`,
    ]);
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });

  test('position independent: the address of a dynamic type instead of its name', async () => {
    const path = await buildSource(source, ['-buildmode=pie']);
    const binary = await openGoBinary(path);
    const planner = await loadPlanner();
    const parsed = parseProbeText('main.takes do log "{e} {p} {o}"');
    if (!parsed.ok) throw new Error(parsed.message);
    const result = planner.plan(parsed.spec, binary);
    if (!result.ok) throw new Error(result.refusal.message);
    const texts = (await captured(path, result.plan)).map((hit) => hit.map(({ text }) => text));
    expect(texts[0]?.[0]).toMatch(/^type at 0x[0-9a-f]+\(0x[0-9a-f]+\)$/);
    expect(texts[0]?.[1]).toBe('{A:0 B:-1 C:200}');
    expect(texts.map(([, , o]) => o?.slice(0, 8))).toEqual(['&{ID:-5 ', '&{ID:0 P', 'nil']);
    expect(texts[1]?.[0]).toBe('nil');
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });
});
