/**
 * Where results are at a `ret`: registers in order, as for arguments (cmd/compile/abi-internal.md, "Function call argument
 * and result passing"). Go >= 1.17.
 */
import type { GoType, GoVariable, Place } from '@probelens/gosym';
import type { ProgramMachine } from '../program/program.js';

interface ResultRegisters {
  readonly integers: readonly string[];
  readonly floats: readonly string[];
}

const numbered = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

const registers: Readonly<Record<ProgramMachine, ResultRegisters>> = {
  amd64: { integers: ['rax', 'rbx', 'rcx', 'rdi', 'rsi', 'r8', 'r9', 'r10', 'r11'], floats: numbered('xmm', 15) },
  arm64: { integers: numbered('x', 16), floats: numbered('v', 16) },
};

interface Part {
  readonly offset: number;
  readonly size: number;
  readonly float: boolean;
}

const words = (count: number): readonly Part[] =>
  Array.from({ length: count }, (_, index) => ({ offset: index * 8, size: 8, float: false }));

const shifted = (parts: readonly Part[] | undefined, by: number): readonly Part[] | undefined =>
  parts?.map((part) => ({ ...part, offset: part.offset + by }));

/** Pieces of a value that go to registers of their own; undefined for what goes to the stack. */
const partsOf = (type: GoType): readonly Part[] | undefined => {
  switch (type.kind) {
    case 'bool':
    case 'int':
    case 'uint':
      return [{ offset: 0, size: type.size, float: false }];
    case 'float':
      return [{ offset: 0, size: type.size, float: true }];
    case 'complex':
      return [0, type.size / 2].map((offset) => ({ offset, size: type.size / 2, float: true }));
    case 'pointer':
    case 'unsafe-pointer':
    case 'map':
    case 'chan':
    case 'func':
      return words(1);
    case 'string':
    case 'interface':
      return words(2);
    case 'slice':
      return words(3);
    case 'array':
      if (type.count === 0) return [];
      return type.count === 1 ? partsOf(type.element()) : undefined;
    case 'struct': {
      const all: Part[] = [];
      for (const field of type.fields) {
        const parts = field.name === '_' ? undefined : shifted(partsOf(field.type), field.offset);
        if (parts === undefined) return undefined;
        all.push(...parts);
      }
      return all;
    }
    case 'unknown':
      return undefined;
  }
};

const gone = (reason: string): Place => ({ kind: 'absent', reason });

/** Places of the results, in order. */
const assign = (types: readonly GoType[], machine: ProgramMachine): readonly Place[] => {
  const available = registers[machine];
  let [integers, floats] = [0, 0];
  let isKnown = true;
  return types.map((type) => {
    if (type.kind === 'unknown') isKnown = false;
    const parts = partsOf(type);
    if (!isKnown) return gone('its type is unknown');
    const needed = parts?.filter((part) => !part.float).length ?? 0;
    const neededFloats = (parts?.length ?? 0) - needed;
    if (
      parts === undefined ||
      integers + needed > available.integers.length ||
      floats + neededFloats > available.floats.length
    ) {
      return gone('it is returned on the stack');
    }
    const pieces = parts.map((part) => {
      const register = (part.float ? available.floats[floats++] : available.integers[integers++]) ?? '';
      return { offset: part.offset, size: part.size, place: { kind: 'register', register } as const };
    });
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only.place : { kind: 'pieces', pieces };
  });
};

/**
 * What can be read at a `ret`: results by their names; unnamed ones as r0, r1, ..., and as `err` when it is the only
 * error. Parameters are named, to say that they are gone.
 */
export const variablesAtReturn = (atEntry: readonly GoVariable[], machine: ProgramMachine): readonly GoVariable[] => {
  const results = atEntry.filter((each) => each.role === 'result');
  const places = assign(
    results.map((each) => each.type),
    machine,
  );
  const isUnnamed = (name: string): boolean => name === '' || name === '_' || name.startsWith('~');
  const errors = results.filter((each) => each.type.name === 'error');
  const named = new Set(atEntry.map((each) => each.name));
  return [
    ...results.flatMap((result, index): GoVariable[] => {
      const place = places[index] ?? gone('its place is unknown');
      if (!isUnnamed(result.name)) return [{ ...result, place }];
      const names = [`r${index}`, ...(errors.length === 1 && errors[0] === result ? ['err'] : [])];
      return names.filter((name) => !named.has(name)).map((name) => ({ ...result, name, place }));
    }),
    ...atEntry
      .filter((each) => each.role === 'parameter')
      .map((each) => ({ ...each, place: gone('parameters are gone when the function returns') })),
  ];
};
