/**
 * What can be said of a function without choosing probe sites: the data of `probelens explain --no-sites` and the lines of
 * `probelens lines`. Plain objects that JSON can write; addresses as "0x..." text.
 */
import type { GoBinary, GoFunction, GoVariable, Place, Problem } from './api.js';
import { copyAsJson } from './listing.js';
import { hex } from './units.js';

export interface ExplainedFunction {
  readonly function: string;
  readonly goVersion: string | null;
  readonly buildId: string | null;
  readonly entry: string | null;
  readonly size: number | null;
  readonly offset: string | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly params: readonly { readonly name: string; readonly type: string; readonly place: string }[];
  readonly inlined: readonly ReturnType<typeof copyAsJson>[];
  readonly problems: readonly Problem[];
}

/**
 * One entry for each function of that name; one with null addresses where only inlined copies exist; none where the
 * program has neither (see `similarNames` for what to suggest).
 */
export const explainFunction = (binary: GoBinary, name: string): readonly ExplainedFunction[] => {
  const copies = binary.inlinedCopiesOf(name);
  const functions = binary.functionsNamed(name);
  const common = {
    function: name,
    goVersion: binary.goVersion ?? null,
    buildId: binary.buildIds.gnu ?? binary.buildIds.go ?? null,
    inlined: copies.map(copyAsJson),
  };
  if (functions.length > 0) return functions.map((fn) => ({ ...common, ...ofFunction(binary, fn, copies.length) }));
  if (copies.length === 0) return [];
  const nowhere = { entry: null, size: null, offset: null, file: null, line: null, params: [] };
  return [{ ...common, ...nowhere, problems: [...binary.problems, inlinedEverywhere(copies.length)] }];
};

const ofFunction = (binary: GoBinary, fn: GoFunction, copies: number) => {
  const parameters = binary.parametersAtEntry(fn);
  return {
    entry: hex(fn.entry),
    size: fn.size,
    offset: hex(binary.offsetOf(fn.entry)),
    file: fn.file,
    line: fn.line,
    params: parameters.value.filter((variable) => variable.role === 'parameter').map(parameterAsJson),
    problems: [...binary.problems, ...parameters.problems, ...(copies > 0 ? [partlyInlined(copies)] : [])],
  };
};

const places = (count: number): string => (count === 1 ? 'one place' : `${count} places`);

const inlinedEverywhere = (count: number): Problem => ({
  code: 'inlined-everywhere',
  message: `every call was inlined (${places(count)}): probe the copies, or build with -gcflags=-l to keep the function`,
});

const partlyInlined = (count: number): Problem => ({
  code: 'partly-inlined',
  message: `it was inlined in ${places(count)} too: a probe on the function alone misses the calls there`,
});

const parameterAsJson = (variable: GoVariable) => ({
  name: variable.name,
  type: variable.type.name,
  place: placeText(variable.place),
});

const signed = (offset: number): string => (offset < 0 ? `${offset}` : `+${offset}`);

/** "rax", "[cfa+8]", "[[cfa-16]]", "rax,rbx", "absent: optimised away". */
export const placeText = (place: Place): string => {
  switch (place.kind) {
    case 'register':
      return place.register;
    case 'memory':
      return `[${place.base}${signed(place.offset)}]`;
    case 'absolute':
      return `[${hex(place.address)}]`;
    case 'indirect':
      return `[${placeText(place.pointer)}]`;
    case 'pieces':
      return place.pieces.map((piece) => (piece.place === undefined ? 'absent' : placeText(piece.place))).join(',');
    case 'constant':
      return `${place.value}`;
    case 'absent':
      return `absent: ${place.reason}`;
  }
};

export interface FunctionLine {
  readonly line: number;
  readonly file: string;
  readonly address: string;
  readonly offset: string;
  /** Functions inlined around the code, innermost first; empty where it is the function's own. */
  readonly inlined: readonly string[];
}

/** Runs of a function's code in address order. */
export const functionLines = (binary: GoBinary, fn: GoFunction): readonly FunctionLine[] =>
  binary.linesOf(fn).map(({ address, chain }) => ({
    line: chain[0]?.line ?? 0,
    file: chain[0]?.file ?? '',
    address: hex(address),
    offset: hex(binary.offsetOf(address)),
    inlined: chain.slice(0, -1).map((position) => position.function),
  }));
