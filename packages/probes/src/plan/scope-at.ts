/** What can be read at a planned site. */
import type { Degraded, GoBinary, GoFunction, GoVariable, Place } from '@probelens/gosym';
import { registerOffset } from '../program/registers.js';
import { packageOf } from './functions.js';
import type { Scope, Semantics } from './lower/scope.js';
import type { Frame } from './lower/storage.js';

/** Go before 1.17 keeps the current g in thread-local storage only (the register ABI came with it). */
const firstVersionWithG = 17;

/** abi.StructField: before, the offset shared a word with a bit for embedded fields (reflect/type.go, offsetEmbed). */
const firstVersionWithOffsets = 19;

/** Where the goroutine id lies behind the g that Go code has in a register; undefined when it has none. */
export const goidOffsetOf = (binary: GoBinary): number | undefined => {
  const minor = minorOf(binary);
  if (minor > 0 && minor < firstVersionWithG) return undefined;
  return binary.runtime.goid;
};

/** 26 of "go1.26.8"; 0 where it is unknown. */
const minorOf = (binary: GoBinary): number => Number(/^go1\.([0-9]+)/.exec(binary.goVersion ?? '')?.[1] ?? 0);

const missing =
  (binary: GoBinary, fn: GoFunction, variables: Degraded<readonly GoVariable[]>) =>
  (name: string): string => {
    if (!binary.hasDwarf) {
      return `${name} cannot be looked up: the program has no debug information; build it without -ldflags=-w or -s.`;
    }
    const known = variables.value.filter((each) => !/^[_~]/.test(each.name)).map((each) => each.name);
    const names = known.length > 0 ? `in reach are ${known.join(', ')}` : 'nothing is in reach';
    const similar = known.find((each) => each.toLowerCase() === name.toLowerCase());
    const constants = 'of constants a program keeps the integers only, so write the value of another';
    const why = similar === undefined ? (variables.problems[0]?.message ?? constants) : `did you mean ${similar}?`;
    return `There is no variable ${name} at this place of ${fn.name} (${names}); ${why}`.replace(/([^?.])$/, '$1.');
  };

/** Lines that are looked at for a variable that is out of reach. */
const mostLines = 200;

const isInMemory = (place: Place): boolean => place.kind === 'memory' || place.kind === 'indirect';

const lineInMemory =
  (binary: GoBinary, fn: GoFunction) =>
  (name: string): string | undefined => {
    for (const { address, chain } of binary.linesOf(fn).slice(0, mostLines)) {
      const [position] = chain;
      // Line of the func keyword: the prologue, where places are not to be believed.
      if (position === undefined || chain.length > 1 || position.line <= fn.line) continue;
      const found = binary.variablesAt(address).value.find((each) => each.name === name);
      if (found !== undefined && isInMemory(found.place)) return `${position.file.split('/').at(-1)}:${position.line}`;
    }
    return undefined;
  };

export const scopeFor = (
  binary: GoBinary,
  fn: GoFunction,
  variables: Degraded<readonly GoVariable[]>,
  semantics: Semantics,
  cfa: Frame['cfa'],
  doubted?: ReadonlySet<GoVariable>,
): Scope => ({
  semantics,
  frame: {
    cfa,
    fixedAddresses: !binary.positionIndependent,
    hasRegister: (name) =>
      (binary.machine === 'amd64' || binary.machine === 'arm64') && registerOffset(binary.machine, name) !== undefined,
  },
  variables: variables.value,
  ...(doubted === undefined ? {} : { doubted }),
  packageName: packageOf(fn.name),
  packageVariable: (name) => binary.packageVariable(name),
  namedType: (name) => binary.namedType(name),
  packagesCalled: (name) => binary.packagesCalled(name),
  typeNames: minorOf(binary) >= firstVersionWithG,
  doubledOffsets: minorOf(binary) > 0 && minorOf(binary) < firstVersionWithOffsets,
  knowsGoroutine: goidOffsetOf(binary) !== undefined,
  lineInMemory: lineInMemory(binary, fn),
  missing: missing(binary, fn, variables),
});
