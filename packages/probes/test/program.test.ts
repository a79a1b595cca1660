import { createMap, loadProgram } from '@probelens/bpf';
import { expect, test } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import type { LoweredExpression } from '../src/plan/expression.js';
import type { PlannedCapture, ProbePlan } from '../src/plan/plan.js';
import { buildProgram, controlSize, type ProgramRequest, stateSize } from '../src/program/index.js';

const rax: LoweredExpression = { kind: 'register', register: 'rax' };
const rbx: LoweredExpression = { kind: 'register', register: 'rbx' };
const word: LoweredExpression = { kind: 'load', address: rax, type: { width: 8, signed: false } };
const int8: LoweredExpression = { kind: 'load', address: rbx, type: { width: 1, signed: true } };
const constant = (value: string): LoweredExpression => ({ kind: 'constant', value });

const equal = (left: LoweredExpression, right: LoweredExpression): LoweredExpression => ({
  kind: 'compare',
  operator: 'eq',
  signed: true,
  left,
  right,
});

const conditions: Readonly<Record<string, LoweredExpression>> = {
  constant: constant('1'),
  register: equal(rax, constant('-5')),
  'wide constant': equal(rax, constant('18446744073709551615')),
  load: equal(word, int8),
  convert: equal({ kind: 'convert', value: rax, type: { width: 4, signed: true } }, constant('3')),
  string: {
    kind: 'string-test',
    pointer: rax,
    length: rbx,
    bytes: Buffer.from('a string that is longer than one piece of the scratch area, by a few bytes').toString('hex'),
    whole: true,
  },
  prefix: { kind: 'string-test', pointer: rax, length: rbx, bytes: '4143', whole: false },
  'empty string': { kind: 'string-test', pointer: rax, length: rbx, bytes: '', whole: true },
  logical: { kind: 'logical', operator: 'and', left: equal(word, rbx), right: equal(int8, constant('1')) },
  either: { kind: 'logical', operator: 'or', left: equal(rax, rbx), right: equal(int8, constant('1')) },
  not: { kind: 'not', value: equal(rax, rbx) },
  checked: { kind: 'checked', condition: equal(rax, rbx), value: equal(rax, constant('4')) },
  goroutine: equal({ kind: 'goroutine-id' }, constant('18')),
  'float, Go': { kind: 'compare-float', operator: 'lt', width: 8, special: 'ieee', left: word, right: rax },
  'float, Delve': { kind: 'compare-float', operator: 'ne', width: 4, special: 'fault', left: rax, right: rbx },
  ...Object.fromEntries(
    (['add', 'sub', 'mul', 'div', 'rem', 'and', 'or', 'xor', 'and-not', 'shl', 'shr'] as const).flatMap((operator) =>
      [true, false].map((signed): [string, LoweredExpression] => [
        `${operator} ${signed ? 'signed' : 'unsigned'}`,
        equal({ kind: 'arithmetic', operator, type: { width: 4, signed }, left: word, right: int8 }, rbx),
      ]),
    ),
  ),
};

const captures: readonly PlannedCapture[] = [
  { name: 'a', typeName: 'int', shape: { kind: 'integer', signed: true, width: 8 }, value: rax, length: undefined },
  { name: 'b', typeName: 'int8', shape: { kind: 'integer', signed: true, width: 1 }, value: int8, length: undefined },
  { name: 's', typeName: 'string', shape: { kind: 'string', limit: 61 }, value: rax, length: rbx },
  { name: 't', typeName: 'string', shape: { kind: 'string', limit: 256 }, value: word, length: int8 },
  {
    name: 'f',
    typeName: 'float64',
    shape: { kind: 'unavailable', reason: 'xmm0' },
    value: undefined,
    length: undefined,
  },
];

const plan = (condition: LoweredExpression | undefined, rateLimit?: number): ProbePlan => ({
  spec: {
    target: { kind: 'function', name: 'main.price' },
    condition: condition && 'text',
    scope: { kind: 'goroutine', id: '17' },
    action: { kind: 'log', template: undefined },
    rateLimit,
  },
  binary: { path: '/x', goVersion: undefined, goBuildId: 'a', gnuBuildId: undefined },
  sites: [],
  condition,
  captures,
  goidOffset: 0x98,
});

test.skipIf(requirement('kernel').missing)('the verifier takes every form of expression, capture and stop', () => {
  const state = createMap({ type: 'array', keySize: 4, valueSize: stateSize, maxEntries: 1, name: 'state' });
  const control = createMap({ type: 'array', keySize: 4, valueSize: controlSize, maxEntries: 1, name: 'control' });
  const events = createMap({ type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 65_536, name: 'events' });
  const stops: readonly ProgramRequest['stop'][] = [
    { kind: 'none' },
    { kind: 'halt' },
    { kind: 'trap', tracer: 42, task: { ptrace: 48, parent: 1400, tgid: 1380 } },
  ];
  const load = (request: Partial<ProgramRequest> & Pick<ProgramRequest, 'plan'>): void => {
    const instructions = buildProgram({
      machine: 'amd64',
      probe: 7,
      target: 1234,
      stop: { kind: 'none' },
      maps: { state, control, events },
      sleepable: true,
      siteCookie: false,
      ...request,
    });
    const sleepable = request.sleepable ?? true;
    loadProgram({ type: 'kprobe', name: 'test', instructions, sleepable, expectedAttachType: 'uprobe-multi' }).close();
  };
  try {
    for (const [name, condition] of Object.entries(conditions)) {
      expect(() => load({ plan: plan(condition) }), name).not.toThrow();
    }
    for (const stop of stops) load({ plan: plan(undefined, 1000), stop, siteCookie: true, sleepable: false });
    load({
      plan: {
        ...plan(undefined),
        goidOffset: undefined,
        spec: { ...plan(undefined).spec, scope: { kind: 'process' } },
      },
    });
  } finally {
    for (const map of [state, control, events]) map.close();
  }
});
