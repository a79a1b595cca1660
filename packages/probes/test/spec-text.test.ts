import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ProbeSpec } from '../src/spec/spec.js';
import { formatProbeText, parseProbeText } from '../src/spec/text.js';

const base: ProbeSpec = {
  target: { kind: 'function', name: 'main.price' },
  condition: undefined,
  scope: { kind: 'process' },
  action: { kind: 'log', template: undefined },
  rateLimit: undefined,
};

const onF: Partial<ProbeSpec> = { target: { kind: 'function', name: 'main.f' } };

const reads = (text: string, spec: Partial<ProbeSpec>): void => {
  const target = text.startsWith('main.f ') ? onF : {};
  expect(parseProbeText(text), text).toEqual({ ok: true, spec: { ...base, ...target, ...spec } });
};

test('the forms that the design shows', () => {
  reads('main.price if o.Qty == 0 && mult > 2 on goroutine 19 do log "{o.ID} {o.Symbol}"', {
    condition: 'o.Qty == 0 && mult > 2',
    scope: { kind: 'goroutine', id: '19' },
    action: { kind: 'log', template: '{o.ID} {o.Symbol}' },
  });
  reads('orders.go:31 do stop', { target: { kind: 'line', file: 'orders.go', line: 31 }, action: { kind: 'stop' } });
  reads('main.price return if err != nil do snapshot', {
    target: { kind: 'return', name: 'main.price' },
    condition: 'err != nil',
    action: { kind: 'snapshot' },
  });
  reads('tracepoint:sched:sched_switch on goroutine 19', {
    target: { kind: 'tracepoint', category: 'sched', name: 'sched_switch' },
    scope: { kind: 'goroutine', id: '19' },
  });
  reads('perf:page-faults:100 do count', {
    target: { kind: 'perf-event', name: 'page-faults', period: 100 },
    action: { kind: 'count' },
  });
  reads('bpf:load if type == "xdp" && errno != 0', {
    target: { kind: 'bpf', what: 'load' },
    condition: 'type == "xdp" && errno != 0',
  });
});

test('probes that switch others', () => {
  reads('main.f if x == 1 then arm 2', { condition: 'x == 1', onMatch: [{ kind: 'arm', probe: 2 }] });
  reads('main.f do log "{x}" then disarm 1 then snapshot initially off', {
    action: { kind: 'log', template: '{x}' },
    onMatch: [{ kind: 'disarm', probe: 1 }, { kind: 'snapshot' }],
    initially: 'off',
  });
  reads('main.f initially on', { initially: 'on' });
});

test('names of methods, generic functions and packages', () => {
  const named = (name: string): Partial<ProbeSpec> => ({ target: { kind: 'function', name } });
  reads('main.(*Book).Match', named('main.(*Book).Match'));
  reads('main.Map[go.shape.int,go.shape.struct { X int }] do stop', {
    ...named('main.Map[go.shape.int,go.shape.struct { X int }]'),
    action: { kind: 'stop' },
  });
  reads('main.f.func1', named('main.f.func1'));
  reads('"odd name"', named('odd name'));
  reads('github.com/me/app/... do count', {
    target: { kind: 'package', pattern: 'github.com/me/app/...' },
    action: { kind: 'count' },
  });
  reads('net/http.*', { target: { kind: 'package', pattern: 'net/http' } });
  reads('"my dir/a.go":7', { target: { kind: 'line', file: 'my dir/a.go', line: 7 } });
  reads('main.small inlined', { target: { kind: 'inlined', name: 'main.small' } });
});

test('a keyword inside a literal, a bracket or after an operator belongs to the condition', () => {
  reads('main.f if s == "x do stop" do stop', { condition: 's == "x do stop"', action: { kind: 'stop' } });
  reads("main.f if r == 'd' || s == `on \"do` do stop", {
    condition: "r == 'd' || s == `on \"do`",
    action: { kind: 'stop' },
  });
  reads("main.f if c == '\\'' do stop", { condition: "c == '\\''", action: { kind: 'stop' } });
  reads('main.f if on == do && x.limit > 1 limit 5', { condition: 'on == do && x.limit > 1', rateLimit: 5 });
  reads('main.f if bs == []byte("do") && len([4][]int(x)) > 1 do count', {
    condition: 'bs == []byte("do") && len([4][]int(x)) > 1',
    action: { kind: 'count' },
  });
  reads('main.f if a [4] [1] do stop', { condition: 'a [4] [1]', action: { kind: 'stop' } });
  reads('main.f if ok[0]do stop', { condition: 'ok[0]', action: { kind: 'stop' } });
  reads('main.f if a[limit] > 0 on main', { condition: 'a[limit] > 0', scope: { kind: 'main' } });
});

test.each([
  ['', 0, 'Expected a function'],
  ['main.f if', 9, 'Expected a Go expression'],
  ['main.f if do stop', 13, 'Expected an operator'],
  ['main.f if x == 1 nonsense', 17, 'Expected an operator, on, do, limit, then, initially or the end'],
  ['main.f if x == 1 and y == 2', 17, '"and" is no operator; Go writes && for it'],
  ['main.f if x in [1, 2]', 12, 'compare with each'],
  ['main.f if func() bool { return x }()', 10, 'runs no functions'],
  ['main.f if s == "x', 15, 'no closing "'],
  ['main.f if (a == 1', 17, 'Expected ")"'],
  ['main.f if a) == 1', 11, 'no opening bracket'],
  ['main.f do', 9, 'Expected stop, log, count or snapshot, found the end'],
  ['main.f do jump', 10, 'found "jump"'],
  ['main.f on goroutine x', 20, 'Expected the id of a goroutine'],
  ['main.f on goroutine 0', 20, 'no goroutine 0'],
  ['main.f do stop do log', 15, 'second "do"'],
  ['main.f limit 0', 13, 'Expected a limit'],
  ['main.f do log "\\q"', 15, 'Unknown escape'],
  ['main.go:0', 0, 'line number'],
  ['main.go:3 return', 9, 'needs the name of a function'],
  ['perf:', 0, 'perf:EVENT'],
  ['tracepoint:sched', 0, 'tracepoint:CATEGORY:NAME'],
  ['main.f do count limit 10', 16, 'every hit is counted; leave "limit" out, or write "do log"'],
  ['main.f limit 10 if x > 1 do count', 7, 'every hit is counted'],
  ['main.f do stop limit 10', 15, 'a breakpoint that lies; leave "limit" out'],
  ['main.f do count then arm 2 then snapshot', 27, 'write "do snapshot"'],
  ['main.f do count then snapshot then arm 2', 16, 'write "do snapshot"'],
  ['main.f nonsense', 7, 'Expected if, on, do, limit, then or initially, found "nonsense"'],
  ['main.f where x > 1', 7, 'found "where"; did you mean "if CONDITION"?'],
  ['main.f ret', 7, 'did you mean "return"?'],
  ['main.f log "x"', 7, 'did you mean "do log"?'],
  ['main.f do stack', 10, 'did you mean "do snapshot"?'],
  ['uprobe:./orders:main.price', 0, 'name the function alone'],
  ['uretprobe:main.price', 0, 'name the function with "return"'],
  ['kprobe:do_nanosleep', 0, 'use a tracepoint'],
  ['profile:hz:99', 0, 'write perf:cpu-clock:PERIOD'],
  ['syscalls:sys_enter_write', 0, 'begin it with tracepoint:'],
  ['main.Map[int', 12, 'Expected "]"'],
])('%j is refused at %i', (text, position, message) => {
  const parsed = parseProbeText(text);
  expect(parsed).toMatchObject({ ok: false, position, message: expect.stringContaining(message) });
});

const names = fc.oneof(
  fc.constantFrom('main.price', 'main.(*Book).Match', 'a/b.Map[go.shape.int]', 'x.F[go.shape.struct { A int }].func1'),
  fc.string({ minLength: 1 }),
  fc.string({ unit: 'binary', minLength: 1 }),
);
const words = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,9}$/);
const targets: fc.Arbitrary<ProbeSpec['target']> = fc.oneof(
  fc.record({ kind: fc.constantFrom('function', 'return', 'inlined'), name: names }),
  fc.record({ kind: fc.constant('line'), file: names, line: fc.integer({ min: 1, max: 1e6 }) }),
  fc.record({ kind: fc.constant('package'), pattern: fc.constantFrom('main', 'net/http', 'github.com/me/app/...') }),
  fc.record({ kind: fc.constant('tracepoint'), category: words, name: words }),
  fc.record({ kind: fc.constant('bpf'), what: fc.constantFrom('load', 'map', 'link', 'attach') }),
  fc.record({
    kind: fc.constant('perf-event'),
    name: words,
    period: fc.option(
      fc.nat().map((n) => n + 1),
      { nil: undefined },
    ),
  }),
);
const conditions = fc.constantFrom(
  'a == 1',
  'o.Qty == 0 && !x',
  's == "do stop on main"',
  "b[0] == '\\'' || c == `on\n\"`",
  '(on + do) * limit > -3',
  'f(a, "x)")',
);
const ids = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map(String);
const scopes: fc.Arbitrary<ProbeSpec['scope']> = fc.oneof(
  fc.record({ kind: fc.constantFrom('process', 'current', 'main') }),
  fc.record({ kind: fc.constant('goroutine'), id: ids }),
  fc.record({ kind: fc.constant('label'), key: fc.string({ unit: 'binary' }), value: fc.string() }),
);
const actions: fc.Arbitrary<ProbeSpec['action']> = fc.oneof(
  fc.record({ kind: fc.constantFrom('stop', 'count', 'snapshot') }),
  fc.record({
    kind: fc.constant('log'),
    template: fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), { nil: undefined }),
  }),
);

const effects: fc.Arbitrary<NonNullable<ProbeSpec['onMatch']>[number]> = fc.oneof(
  fc.record({ kind: fc.constantFrom('arm', 'disarm'), probe: fc.integer({ min: 1, max: 1023 }) }),
  fc.constant({ kind: 'snapshot' } as const),
);

/** Counts send no events, and stops leave none out: the texts that say otherwise are refused. */
const possible = (spec: ProbeSpec): ProbeSpec => {
  const { kind } = spec.action;
  const limited = kind === 'count' || kind === 'stop' ? { ...spec, rateLimit: undefined } : spec;
  return kind === 'count' && spec.onMatch?.some((each) => each.kind === 'snapshot')
    ? { ...limited, action: { kind: 'snapshot' } }
    : limited;
};

test('parse(format(spec)) is the spec', () => {
  const specs = fc.record({
    target: targets,
    condition: fc.option(conditions, { nil: undefined }),
    scope: scopes,
    action: actions,
    rateLimit: fc.option(fc.integer({ min: 1, max: 1e9 }), { nil: undefined }),
  });
  const switching: fc.Arbitrary<Pick<ProbeSpec, 'onMatch' | 'initially'>> = fc.oneof(
    fc.constantFrom({}, { initially: 'on' } as const, { initially: 'off' } as const),
    fc.record({ onMatch: fc.array(effects, { minLength: 1, maxLength: 3 }) }),
  );
  fc.assert(
    fc.property(specs, switching, (plain, rest) => {
      const spec = possible({ ...plain, ...rest });
      const text = formatProbeText(spec);
      expect(parseProbeText(text), text).toEqual({ ok: true, spec });
    }),
    { seed: 20_261, numRuns: 2_000 },
  );
});

test('any text is parsed or refused with a position inside it', () => {
  const pieces = fc.constantFrom(
    'main.f',
    ' if ',
    ' do ',
    'stop',
    'log',
    '"',
    "'",
    '`',
    '(',
    ']',
    '\\',
    ' on ',
    'x',
    '==',
    '\n',
  );
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      const text = parts.join('');
      const parsed = parseProbeText(text);
      if (parsed.ok) return;
      expect(parsed.message).not.toBe('');
      expect(parsed.position).toBeGreaterThanOrEqual(0);
      expect(parsed.position).toBeLessThanOrEqual(text.length);
    }),
    { seed: 20_262, numRuns: 3_000 },
  );
});
