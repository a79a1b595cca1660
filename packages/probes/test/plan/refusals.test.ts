/** What cannot be planned is refused by a stable code and a sentence that names what to do. */
import { join } from 'node:path';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFixture, fixtureSources } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import type { PlanResult } from '../../src/plan/plan.js';
import { loadPlanner, type Planner, type PlanOptions } from '../../src/plan/planner.js';
import { parseProbeText } from '../../src/spec/text.js';

let planner: Planner;
const binaries = new Map<string, GoBinary>();

const open = async (
  key: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> => {
  binaries.set(key, await openGoBinary(await buildFixture('variety', { flags, env })));
};

const plan = (text: string, options: PlanOptions = {}, build = 'optimised'): PlanResult => {
  const parsed = parseProbeText(text);
  const binary = binaries.get(build);
  if (!parsed.ok || binary === undefined) throw new Error(`${text} or ${build} is no good`);
  return planner.plan(parsed.spec, binary, options);
};

describe.skipIf(requirement('go').missing)('refusals', () => {
  beforeAll(async () => {
    planner = await loadPlanner();
    await open('optimised', []);
    await open('-N -l', ['-gcflags=all=-N -l']);
    await open('stripped', ['-ldflags=-s -w']);
    await open('pie', ['-buildmode=pie']);
    await open('arm64', [], { GOARCH: 'arm64' });
    await open('nameless', ['-ldflags=-buildid=']);
  });
  afterAll(() => {
    for (const binary of binaries.values()) binary.close();
    planner.dispose();
  });

  test.each<readonly [string, string, RegExp]>([
    ['main.greeet', 'unknown-function', /did you mean main\.greet/],
    [
      'main.twice',
      'inlined-everywhere',
      /inlined into .*main\.fourTimes.*probe "main\.twice inlined" or the line inlined\.go:16/,
    ],
    ['main.greet if nme == "x"', 'unknown-variable', /in reach are name, greeting/],
    ['main.greet if name.first == 1', 'unknown-field', /has no field first/],
    ['main.greet if name', 'unsupported-type', /true or false/],
    ['main.greet if name == 3', 'type-mismatch', /integer constant is no string; compare with a text in quotes/],
    ['main.greet if strings.HasPrefix(name, 3)', 'unsupported-type', /takes two strings/],
    ['main.greet if strings.Contains(name, greeting)', 'unsupported-type', /searches for literals only/],
    ['main.greet if strings.Contains(name, "0123456789abcdefg")', 'unsupported-type', /16 bytes at most/],
    ['main.greet if strings.ToUpper(name) == "X"', 'unsupported-type', /knows HasPrefix, HasSuffix, Contains/],
    ['main.greet if len(name', 'never', /never/],
    ['main.greet if name == "a" "b"', 'never', /never/],
    ['main.greet if name.(string) == ""', 'unsupported-type', /string is no interface/],
    ['main.greet if point{1, 2} == name', 'type-mismatch', /string and main\.point are different types/],
    ['main.greet if spot{1, 2} == name', 'unknown-type', /spot\{1, 2\}: there is no type spot in this program/],
    ['main.greet do log "{1.5}"', 'bad-template', /\{1\.5\} is the same at every hit; write it without the braces/],
    ['main.narrow if a == 300', 'constant-overflow', /300 is no value of int8/],
    ['main.narrow if b == -1', 'constant-overflow', /-1 is no value of uint8/],
    ['main.narrow if a == b', 'type-mismatch', /int8 and uint8/],
    ['main.narrow if a / 0 == 1', 'division-by-zero', /division by zero/],
    ['main.narrow if a << b == 1 && c', 'unsupported-type', /truth values/],
    ['main.narrow if 1 == 1.5 && a + 1.5 == 2', 'unsupported-type', /no integer, and int8 is one; compare with an/],
    ['main.floats if b > 1.5', 'unavailable-variable', /xmm.*(?:probe that line|-N -l)/],
    ['main.many if l == 12 && z == 1', 'unknown-variable', /z/],
    ['main.lookUp if table["x"] == 1', 'unsupported-type', /does not search maps; only len/],
    ['main.lookUp if cap(table) == 1', 'unsupported-type', /length/],
    ['main.sumArray if values[9] == 1', 'constant-overflow', /out of bounds/],
    ['main.norm if origin.z == 1', 'unknown-field', /it has X, Y/],
    ['main.several return if n == 3', 'unavailable-variable', /gone when the function returns/],
    ['runtime.memmove', 'assembly-function', /assembly/],
    ['main.greet on label "k"="v"', 'unsupported-scope', /pprof label/],
    ['main.greet do log "{name"', 'bad-template', /not closed/],
    ['main.greet do log "{}"', 'bad-template', /nothing between/],
    ['main.greet do log "{nme}"', 'unknown-variable', /nme/],
    ['nowhere/... do count', 'unknown-package', /check the import path/],
    ['texts.go:99999', 'no-code', /choose a line with a statement\.$/],
    ['texts.go:4', 'no-code', /the nearest (?:is|are) \d+/],
    ['text.go:7', 'no-code', /no file of that name with code; did you mean variety\/texts\.go/],
    ['other/closures.go:7', 'no-code', /did you mean variety\/closures\.go\?/],
    ['qqqqqqqq.go:7', 'no-code', /list what it has with: probelens functions BINARY\.$/],
    ['tracepoint:sched:sched_switch', 'no-binary-target', /event of the kernel/],
  ])('%s', (text, code, message) => {
    if (code === 'never') {
      expect(parseProbeText(text).ok).toBe(false);
      return;
    }
    const result = plan(text);
    expect(result).toMatchObject({ ok: false, refusal: { code, message: expect.stringMatching(message) } });
  });

  test('conditions need debug information, functions do not', () => {
    expect(plan('main.greet', {}, 'stripped').ok).toBe(true);
    expect(plan('main.greet if name == "x"', {}, 'stripped')).toMatchObject({
      refusal: { message: expect.stringMatching(/build it without/) },
    });
  });

  test('a program without a build id, or for another machine', () => {
    expect(plan('main.greet', {}, 'nameless')).toMatchObject({
      plan: { binary: { codeHash: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    });
    expect(plan('main.greet do stop', {}, 'arm64')).toMatchObject({ refusal: { code: 'wrong-machine' } });
  });

  test('what Delve would judge otherwise stays with Delve', () => {
    const stop = (text: string): PlanResult => plan(text, { use: 'stop', avoid: [] });
    expect(plan('main.narrow if -b == 1').ok).toBe(true);
    expect(stop('main.narrow if -b == 1')).toMatchObject({ refusal: { code: 'unsupported-type' } });
    expect(plan('main.narrow if ^b == 1').ok).toBe(true);
    expect(stop('main.narrow if ^b == 1')).toMatchObject({ refusal: { code: 'unsupported-type' } });
    expect(plan('main.narrow if byte(a) == 1').ok).toBe(true);
    expect(stop('main.narrow if byte(a) == 1')).toMatchObject({ refusal: { code: 'unsupported-syntax' } });
    expect(stop('main.narrow if uint8(a) == 1').ok).toBe(true);
  });

  test('a stop on nil where the line fails before every place that is not its first', () => {
    const stop = (condition: string): PlanResult =>
      plan(`methods.go:15 if ${condition} do stop`, { use: 'stop', avoid: [], yielding: true }, '-N -l');
    // m is loaded, read through, and returned.
    expect(stop('m.total == 1')).toMatchObject({ plan: { sites: [{ reason: expect.stringMatching(/nil pointer/) }] } });
    const refusal = { code: 'no-line-site', message: expect.stringMatching(/fails on a nil pointer/) };
    expect(stop('m == nil')).toMatchObject({ refusal });
    expect(stop('m.total == 1 || nil==m')).toMatchObject({ refusal });
  });

  test('a breakpoint of the debugger at the site or right behind it', () => {
    const first = plan('main.greet do stop', { avoid: [] });
    if (!first.ok) throw new Error(first.refusal.message);
    const at = Number(first.plan.sites[0]?.offset);
    for (const offset of [at, at + 1]) {
      expect(plan('main.greet do stop', { avoid: [offset] })).toMatchObject({ refusal: { code: 'breakpoint-there' } });
    }
    expect(plan('main.greet do stop', { avoid: [at - 1, at + 2] }).ok).toBe(true);
  });

  test('generic functions are planned in every instantiation, or not at all', () => {
    const all = plan('main.Largest do count');
    if (!all.ok) throw new Error(all.refusal.message);
    const names = all.plan.sites.map((site) => site.function);
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) expect(name).toMatch(/^main\.Largest\[.*\]$/);
    expect(plan('main.(*Stack).Push do count').ok).toBe(true);
    // As tracebacks write it, and as the source does.
    expect(plan('main.(*Stack[...]).Push do count')).toMatchObject({ ok: true });
    expect(plan('main.Largest[int] do count')).toMatchObject({
      refusal: { message: expect.stringMatching(/types of one shape share it; write main\.Largest for all of them/) },
    });
    const one = plan(`"${names[0]}" if len(values) == 3`);
    expect(one.ok, JSON.stringify(one)).toBe(true);
  });

  test('packages say what they leave out', () => {
    const result = plan('main.* do count');
    if (!result.ok) throw new Error(result.refusal.message);
    expect(result.plan.sites.length).toBeGreaterThan(20);
    expect(result.notes?.map((note) => note.code)).toContain('functions-without-site');
    const deep = plan('internal/... do count');
    if (!deep.ok) throw new Error(deep.refusal.message);
    expect(new Set(deep.plan.sites.map((site) => site.function.split('.')[0])).size).toBeGreaterThan(3);
  });

  test('a partly inlined function is logged with a note, and stopped at in all its copies or not at all', () => {
    const binary = binaries.get('optimised');
    const copies = [...(binary?.inlinedCopies().keys() ?? [])];
    const partly = copies.find(
      (name) =>
        binary?.functionsNamed(name).some((fn) => !fn.generated && !fn.file.endsWith('.s')) &&
        plan(`"${name}" do count`).ok,
    );
    expect(partly).toBeDefined();
    const logged = plan(`"${partly}" do count`);
    expect(logged).toMatchObject({ ok: true, notes: [{ code: 'partly-inlined' }] });
    let everywhere = 0;
    let refused = 0;
    for (const name of copies) {
      const stop = plan(`"${name}" do stop`, { avoid: [] });
      const bodies = binary?.functionsNamed(name).filter((fn) => !fn.generated).length ?? 0;
      const count = bodies + (binary?.inlinedCopiesOf(name).length ?? 0);
      if (stop.ok && count > 1) everywhere++;
      if (stop.ok) expect(stop.plan.sites.length, name).toBe(count);
      else if (stop.refusal.code === 'partly-inlined') {
        refused++;
        expect(stop.refusal.message).toMatch(
          /[0-9]+ of [0-9]+ inlined copies of .* inlined into .* stays with the debugger/,
        );
      }
      if (everywhere > 3 && refused > 3) break;
    }
    expect({ everywhere: everywhere > 3, refused: refused > 3 }).toEqual({ everywhere: true, refused: true });
  });

  test('a plan survives JSON', () => {
    const result = plan('main.greet if name == "x" && len(greeting) > 2 on goroutine 7 do log "{name}" limit 5');
    if (!result.ok) throw new Error(result.refusal.message);
    expect(JSON.parse(JSON.stringify(result.plan))).toEqual(JSON.parse(JSON.stringify(result.plan)));
    expect(result.plan.spec.scope).toEqual({ kind: 'goroutine', id: '7' });
  });

  test('lines by file', () => {
    const file = join(fixtureSources('variety'), 'texts.go');
    expect(plan(`"${file}":9`).ok).toBe(true);
    expect(plan('texts.go:9').ok).toBe(true);
    expect(plan('main.go:1')).toMatchObject({ ok: false, refusal: { code: 'no-code' } });
  });
});
