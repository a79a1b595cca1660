/** Plans from strangers: each is copied field by field or refused with the field's name; nothing else comes out. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LoweredExpression } from '../src/plan/expression.js';
import type { ProbePlan } from '../src/plan/plan.js';
import { InvalidPlan, validatePlan } from '../src/program/index.js';
import { ExpressionTooLarge } from '../src/program/validate-expression.js';

const rax: LoweredExpression = { kind: 'register', register: 'rax' };
const condition: LoweredExpression = {
  kind: 'logical',
  operator: 'and',
  left: { kind: 'compare', operator: 'lt', signed: true, left: rax, right: { kind: 'constant', value: '-5' } },
  right: {
    kind: 'string-test',
    pointer: rax,
    length: { kind: 'register', register: 'rbx' },
    bytes: '4143',
    whole: true,
  },
};

const valid: ProbePlan = {
  spec: {
    target: { kind: 'function', name: 'main.price' },
    condition: 'a < -5 && s == "AC"',
    scope: { kind: 'goroutine', id: '7' },
    action: { kind: 'log', template: '{a}' },
    rateLimit: 100,
  },
  binary: { path: '/srv/orders', goVersion: 'go1.26.8', goBuildId: 'x/y', gnuBuildId: undefined },
  sites: [
    {
      use: 'log',
      tier: 1,
      function: 'main.price',
      file: 'main.go',
      line: 19,
      address: '0x4ad90a',
      offset: '0xad90a',
      instruction: '55',
      sentinel: undefined,
      cost: 560,
      reason: 'push',
    },
    {
      use: 'stop',
      tier: 2,
      function: 'main.price',
      file: 'main.go',
      line: 20,
      address: '0x4ad920',
      offset: '0xad920',
      instruction: '488b4818',
      sentinel: '0xad923',
      cost: 15_000,
      reason: 'inside',
    },
  ],
  condition,
  captures: [
    { name: 'a', typeName: 'int', shape: { kind: 'integer', signed: true, width: 8 }, value: rax, length: undefined },
    { name: 's', typeName: 'string', shape: { kind: 'string', limit: 64 }, value: rax, length: rax },
    {
      name: 'f',
      typeName: 'float64',
      shape: { kind: 'unavailable', reason: 'xmm0' },
      value: undefined,
      length: undefined,
    },
    {
      name: 'o',
      typeName: '*main.Order',
      shape: {
        kind: 'structured',
        layout: {
          kind: 'pointer',
          at: { part: 0, offset: 0 },
          target: {
            kind: 'struct',
            typeName: 'main.Order',
            fields: [
              { name: 'ID', value: { kind: 'integer', signed: true, width: 8, at: { part: 1, offset: 8 } } },
              { name: 'Symbol', value: { kind: 'string', part: 2 } },
            ],
            more: 0,
          },
        },
      },
      value: undefined,
      length: undefined,
      parts: [
        { value: rax, length: undefined, limit: 0 },
        {
          value: rax,
          length: { kind: 'unless-nil', pointer: rax, value: { kind: 'constant', value: '16' } },
          limit: 16,
        },
        { value: rax, length: rax, limit: 32 },
      ],
    },
  ],
  goidOffset: 0x98,
};

const overWire = (plan: unknown): unknown => JSON.parse(JSON.stringify(plan));

test('a good plan passes unchanged, and strange members do not', () => {
  expect(validatePlan(overWire(valid), 'amd64')).toEqual(valid);
  expect(
    validatePlan({ ...valid, program: 'evil', sites: valid.sites.map((site) => ({ ...site, more: 1 })) }, 'amd64'),
  ).toEqual(valid);
});

const [site, inside] = valid.sites;
const deep = (levels: number): LoweredExpression => {
  let node: LoweredExpression = condition;
  for (let level = 0; level < levels; level++) node = { kind: 'not', value: node };
  return node;
};

const structured = valid.captures.at(-1);
const shapedAs = (layout: unknown, parts: unknown = structured?.parts): unknown => ({
  ...valid,
  captures: [{ ...structured, shape: { kind: 'structured', layout }, parts }],
});
const at = (part: number, offset: number): unknown => ({ part, offset });
let nest: unknown = { kind: 'bool', at: at(0, 0) };
for (let level = 0; level < 20; level++) nest = { kind: 'array', count: 1, elements: [nest] };

test.each<readonly [string, unknown, RegExp]>([
  ['a part that is not there', shapedAs({ kind: 'bool', at: at(3, 0) }), /layout\.at\.part/],
  ['bytes behind a word', shapedAs({ kind: 'bool', at: at(0, 8) }), /layout\.at\.offset/],
  ['bytes behind a block', shapedAs({ kind: 'address', at: at(1, 9) }), /layout\.at\.offset/],
  ['bytes before a block', shapedAs({ kind: 'address', at: at(1, -8) }), /layout\.at\.offset/],
  ['a string in a word', shapedAs({ kind: 'string', part: 0 }), /no block of memory/],
  ['a layout of no kind', shapedAs({ kind: 'evil' }), /layout\.kind/],
  ['a layout without end', shapedAs(nest), /nested deeper/],
  [
    'a layout without bounds',
    shapedAs({ kind: 'array', count: 1e9, elements: Array.from({ length: 600 }, () => nest) }),
    /at most 512/,
  ],
  [
    'a block without bounds',
    shapedAs({ kind: 'string', part: 0 }, [{ value: rax, length: rax, limit: 4096 }]),
    /limit/,
  ],
  [
    'too many parts',
    shapedAs(
      { kind: 'string', part: 0 },
      Array.from({ length: 25 }, () => ({ value: rax, length: rax, limit: 8 })),
    ),
    /at most 24/,
  ],
  [
    'records without bounds',
    {
      ...valid,
      captures: Array.from({ length: 32 }, () => ({
        ...structured,
        shape: { kind: 'structured', layout: { kind: 'string', part: 0 } },
        parts: Array.from({ length: 24 }, () => ({ value: rax, length: rax, limit: 256 })),
      })),
    },
    /one event can hold/,
  ],
  ['parts of no layout', { ...valid, captures: [{ ...structured, shape: { kind: 'bool' } }] }, /exactly when/],
  ['a layout of no parts', { ...valid, captures: [{ ...structured, parts: undefined }] }, /layout\.at\.part/],
  ['nothing', undefined, /not an object/],
  ['no site', { ...valid, sites: [] }, /no site/],
  ['an offset that is no number', { ...valid, sites: [{ ...site, offset: '-1' }] }, /sites\[0\]\.offset/],
  ['an offset beyond 2^53', { ...valid, sites: [{ ...site, offset: '0xffffffffffffff' }] }, /sites\[0\]\.offset/],
  ['two sites at one place', { ...valid, sites: [site, site] }, /share the file offset/],
  [
    'a sentinel on another site',
    { ...valid, sites: [inside, { ...site, offset: inside?.sentinel }] },
    /share the file offset/,
  ],
  ['a sentinel elsewhere', { ...valid, sites: [{ ...inside, sentinel: '0xad924' }] }, /last byte/],
  ['a sentinel without tier 2', { ...valid, sites: [{ ...site, sentinel: '0xad90a' }] }, /tier 2/],
  ['tier 2 without a sentinel', { ...valid, sites: [{ ...inside, sentinel: undefined }] }, /tier 2/],
  [
    'a stop on a nop5',
    { ...valid, sites: [{ ...site, use: 'stop', tier: 'nop5', instruction: '0f1f440000' }] },
    /cannot stop/,
  ],
  [
    'a stop on a stepped ret',
    { ...valid, sites: [{ ...site, use: 'stop', tier: 'stepped', instruction: 'c3' }] },
    /cannot stop/,
  ],
  ['a long tier 1', { ...valid, sites: [{ ...site, instruction: '5590' }] }, /one byte/],
  ['half a byte', { ...valid, sites: [{ ...site, instruction: '5' }] }, /hexadecimal/],
  [
    'a register that is none',
    {
      ...valid,
      condition: {
        ...condition,
        left: {
          kind: 'compare',
          operator: 'eq',
          signed: true,
          left: { kind: 'register', register: 'cr3' },
          right: rax,
        },
      },
    },
    /cr3/,
  ],
  ['a condition that is a number', { ...valid, condition: rax }, /truth value/],
  ['an unknown node', { ...valid, condition: { kind: 'write', address: rax } }, /unknown kind "write"/],
  [
    'a constant of 65 bits',
    {
      ...valid,
      condition: {
        ...condition,
        left: {
          kind: 'compare',
          operator: 'eq',
          signed: true,
          left: rax,
          right: { kind: 'constant', value: '18446744073709551616' },
        },
      },
    },
    /64 bits/,
  ],
  [
    'a literal without end',
    { ...valid, condition: { kind: 'string-test', pointer: rax, length: rax, bytes: '00'.repeat(600), whole: true } },
    /at most/,
  ],
  ['too many captures', { ...valid, captures: Array.from({ length: 33 }, () => valid.captures[0]) }, /at most 32/],
  ['a huge string', { ...valid, captures: [{ ...valid.captures[1], shape: { kind: 'string', limit: 1e9 } }] }, /limit/],
  [
    'a string without a length',
    { ...valid, captures: [{ ...valid.captures[1], length: undefined }] },
    /length exactly/,
  ],
  ['no build id', { ...valid, binary: { path: '/x' } }, /build id/],
  ['a goroutine id offset outside g', { ...valid, goidOffset: 1e6 }, /goidOffset/],
  ['a condition that nobody asked for', { ...valid, spec: { ...valid.spec, condition: undefined } }, /exactly when/],
  ['goroutine 0', { ...valid, spec: { ...valid.spec, scope: { kind: 'goroutine', id: '0' } } }, /goroutine id/],
  [
    'a label without what it means',
    {
      ...valid,
      spec: { ...valid.spec, condition: undefined, scope: { kind: 'label', key: 'a', value: 'b' } },
      condition: undefined,
    },
    /a condition exactly when/,
  ],
  ['no events a second', { ...valid, spec: { ...valid.spec, rateLimit: 0 } }, /rateLimit/],
])('%s is refused', (_name, plan, message) => {
  expect(() => validatePlan(plan, 'amd64')).toThrow(InvalidPlan);
  expect(() => validatePlan(plan, 'amd64')).toThrow(message);
});

/** Every path in a JSON value. */
const paths = (value: unknown, at: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] => {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => paths(inner, [...at, key]))];
};

const replaced = (value: unknown, path: readonly (string | number)[], by: unknown): unknown => {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value))
    return value.map((each, index) => (String(index) === String(key) ? replaced(each, rest, by) : each));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, name === key ? replaced(each, rest, by) : each]),
  );
};

test('any change in any place is accepted or refused, never more', () => {
  const places = paths(overWire(valid));
  const anything = fc.oneof(
    fc.anything(),
    fc.constantFrom(null, '', '0x0', -1, 1e300, [], {}, 'constant', 'trap', Number.NaN),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places), anything, (path, by) => {
      try {
        expect(validatePlan(replaced(overWire(valid), path, by), 'amd64')).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidPlan);
      }
    }),
    { seed: 20_263, numRuns: 4_000 },
  );
});

test('an endless tree is refused in words for people', () => {
  expect(() => validatePlan({ ...valid, condition: deep(5_000) }, 'amd64')).toThrow(ExpressionTooLarge);
});
