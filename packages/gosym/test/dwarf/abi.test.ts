import { describe, expect, it } from 'vitest';
import type { GoType, Place } from '../../src/api.js';
import { ArgumentAssignment } from '../../src/dwarf/abi.js';
import { dictionaryPosition } from '../../src/dwarf/hidden-parameter.js';
import { parseProducer } from '../../src/dwarf/producer.js';
import { argumentRegisters } from '../../src/dwarf/registers.js';

const int = (size: number): GoType => ({ kind: 'int', name: `int${size * 8}`, size });
const float64: GoType = { kind: 'float', name: 'float64', size: 8 };
const text: GoType = { kind: 'string', name: 'string', size: 16 };
const array = (count: number, element: GoType): GoType => ({
  kind: 'array',
  name: `[${count}]${element.name}`,
  size: count * element.size,
  count,
  element: () => element,
});
const struct = (...parts: readonly (readonly [offset: number, type: GoType])[]): GoType => {
  const last = parts.at(-1);
  return {
    kind: 'struct',
    name: 'struct',
    size: last === undefined ? 0 : last[0] + last[1].size,
    fields: parts.map(([offset, type], index) => ({ name: `f${index}`, offset, type, embedded: false })),
  };
};

const write = (place: Place | undefined): string => {
  if (place === undefined) return '?';
  if (place.kind === 'register') return place.register;
  if (place.kind === 'memory') return `[${place.base}+${place.offset}]`;
  if (place.kind === 'pieces') return place.pieces.map((piece) => `${piece.offset}:${write(piece.place)}`).join(' ');
  return place.kind;
};

const assign = (machine: 'amd64' | 'arm64', ...types: readonly GoType[]): readonly string[] => {
  const registers = argumentRegisters(machine);
  const assignment = new ArgumentAssignment(registers, 8, registers?.stackStart ?? 0);
  return types.map((type) => write(assignment.next(type)));
};

describe('arguments under ABIInternal', () => {
  it('follow the example of the specification', () => {
    // abi-internal.md: func f(a1 uint8, a2 [2]uintptr, a3 uint8)
    expect(assign('amd64', int(1), array(2, int(8)), int(1))).toEqual(['rax', '[cfa+0]', 'rbx']);
    expect(assign('arm64', int(1), array(2, int(8)), int(1))).toEqual(['x0', '[cfa+8]', 'x1']);
  });

  it('use integer and float registers as separate sequences', () => {
    expect(assign('amd64', float64, int(8), float64)).toEqual(['xmm0', 'rax', 'xmm1']);
  });

  it('put a value wholly on the stack when it does not fit, and go on with registers behind it', () => {
    const eight = Array.from({ length: 8 }, () => int(8));
    expect(assign('amd64', ...eight, text, int(8)).slice(8)).toEqual(['[cfa+0]', 'r11']);
  });

  it('take structs apart and keep values of no size on the stack', () => {
    const value = struct([0, int(4)], [8, text], [24, float64]);
    expect(assign('amd64', struct(), value, array(1, int(2)), int(8))).toEqual([
      '[cfa+0]',
      '0:rax 8:rbx 16:rcx 24:xmm0',
      'rdi',
      'rsi',
    ]);
  });

  it('stop being known at a type that is not', () => {
    expect(assign('amd64', { kind: 'unknown', name: '?', size: 8 })).toEqual(['?']);
  });
});

describe('the dictionary of generic code', () => {
  it.each([
    ['main.Map[go.shape.int,go.shape.string]', 26, 0],
    ['main.(*Box[go.shape.[]int]).Set', 26, 1],
    ['main.Box[go.shape.int].Get', 26, 1],
    ['main.(*Box[go.shape.int_0]).Set', 18, 0],
    ['main.Map[go.shape.int].func1', 26, undefined],
    ['main.(*Box[go.shape.int]).Set.func1', 26, undefined],
    ['main.Map[go.shape.int]-range1', 26, undefined],
    ['main.Map[int]', 26, undefined],
    ['main.price', 26, undefined],
  ])('%s (Go 1.%i) takes it at %s', (name, minor, position) => {
    expect(dictionaryPosition(name, minor)).toBe(position);
  });
});

describe('the producer', () => {
  it.each([
    ['Go cmd/compile go1.26.8; regabi', { minor: 26, registerAbi: true, optimised: true }],
    ['Go cmd/compile go1.26.8; -N -l regabi', { minor: 26, registerAbi: true, optimised: false }],
    ['Go cmd/compile go1.16.15', { minor: 16, registerAbi: false, optimised: true }],
    ['Go cmd/compile devel +abc; -l regabi', { minor: undefined, registerAbi: true, optimised: true }],
  ])('%s', (producer, expected) => {
    expect(parseProducer(producer)).toEqual(expected);
  });
});
