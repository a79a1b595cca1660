import type { GoType, GoVariable, Place, RegisterName } from '../api.js';
import { inherited, numberOf, own, stringOf, withOrigins } from './attributes.js';
import { Attribute, Tag } from './constants.js';
import type { Entries, Entry } from './entry.js';
import { placeOf } from './expression.js';
import type { CompileUnit } from './functions.js';
import { layoutOf } from './layout.js';
import { expressionAt } from './location-list.js';
import { absent, OPTIMISED_AWAY } from './place.js';
import type { ScopedEntry } from './scopes.js';
import type { Types } from './types.js';

/** A variable as its entry describes it, before anything is decided about showing it. */
export interface RawVariable {
  readonly name: string;
  readonly role: GoVariable['role'];
  readonly type: GoType;
  readonly place: Place;
  /** Whether the compiler described its place by a list (per instruction), once for the whole scope, or not at all. */
  readonly recorded: 'by-instruction' | 'everywhere' | 'nowhere';
  /** Captured by the closure (Go >= 1.23): where the closure object holds it, or the pointer to it for "&x". Bytes. */
  readonly closureOffset: number | undefined;
  /** Line of the declaration; undefined for parameters of inlined functions. */
  readonly line: number | undefined;
  readonly depth: number;
}

/** Reads a variable or parameter entry, with what its abstract origin adds, and finds its place at `address`. */
export const readVariable = (
  types: Types,
  unit: CompileUnit,
  { entry, depth }: ScopedEntry,
  address: number,
): RawVariable | undefined => {
  const { entries } = types;
  const chain = withOrigins(entries, entry);
  const name = inherited(chain, stringOf, Attribute.name);
  const typed = chain.find((link) => own(link, Attribute.type) !== undefined);
  if (name === undefined || typed === undefined) return undefined;
  const type = types.of(typed);
  const isResult = inherited(chain, numberOf, Attribute.variableParameter) === 1;
  return {
    name,
    role: entry.tag === Tag.formalParameter ? (isResult ? 'result' : 'parameter') : 'local',
    type,
    place: placeOfEntry(entries, unit, entry, type, address),
    recorded: recordOf(entry),
    closureOffset: inherited(chain, numberOf, Attribute.goClosureOffset),
    line: inherited(chain, numberOf, Attribute.declLine),
    depth,
  };
};

const recordOf = (entry: Entry): RawVariable['recorded'] => {
  const location = own(entry, Attribute.location);
  if (location === undefined) return 'nowhere';
  return location.class === 'block' ? 'everywhere' : 'by-instruction';
};

const placeOfEntry = (entries: Entries, unit: CompileUnit, entry: Entry, type: GoType, address: number): Place => {
  const fixed = own(entry, Attribute.constValue)?.value;
  if (typeof fixed === 'number' || typeof fixed === 'bigint') return { kind: 'constant', value: BigInt(fixed) };
  const location = own(entry, Attribute.location);
  if (location === undefined) return absent(OPTIMISED_AWAY);
  const { pointerSize } = entries.sections.source;
  const value = { size: type.size, components: () => layoutOf(type, pointerSize).components };
  if (location.class === 'block' && typeof location.value === 'object')
    return placeOf(entries, unit.header, { section: '.debug_info', ...location.value }, value);
  if (typeof location.value !== 'number') return absent(OPTIMISED_AWAY);
  const expression = expressionAt(entries, unit.header, location.value, unit.base, address);
  return expression === undefined
    ? absent('it is not live at this instruction')
    : placeOf(entries, unit.header, expression, value);
};

/** A parameter without a name in the source: "_", "~p0" (Go >= 1.22), the dictionary of generic code (Go >= 1.27). */
export const isUnnamed = (name: string): boolean => name === '_' || name === '.dict' || /^~p\d+$/.test(name);

/** Not a person's: unnamed ones, closure pointers, range-over-func state, results that were split into their words. */
export const isHidden = (name: string): boolean => {
  const bare = name.startsWith('&') ? name.slice(1) : name;
  return isUnnamed(bare) || bare.startsWith('.') || bare.startsWith('#') || /^~r\d+\./.test(bare);
};

/** A variable moved to the heap: Go describes the pointer to it, under the name "&x". */
const throughPointer = (variable: RawVariable): RawVariable => {
  if (!variable.name.startsWith('&') || variable.type.kind !== 'pointer') return variable;
  const { place } = variable;
  return {
    ...variable,
    name: variable.name.slice(1),
    type: variable.type.target(),
    place: place.kind === 'absent' ? place : { kind: 'indirect', pointer: place },
  };
};

/**
 * What a person calls the variables at an address, innermost scope first: heap-moved ones under their own names, the
 * compiler's left out. A name that the same scope describes twice (the parameter as passed and its copy on the heap)
 * appears once, where it has a place.
 */
export const shownVariables = (raw: readonly RawVariable[]): readonly GoVariable[] => {
  const shown: RawVariable[] = [];
  for (const candidate of raw) {
    if (isHidden(candidate.name)) continue;
    const variable = throughPointer(candidate);
    const twin = shown.findIndex((other) => other.name === variable.name && isSameVariable(other, variable));
    const first = shown[twin];
    if (first === undefined) shown.push(variable);
    else shown[twin] = merge(first, variable);
  }
  // Stable: the order of declaration stays within one scope.
  shown.sort((a, b) => b.depth - a.depth);
  return shown.map(({ name, role, type, place }) => ({ name, role, type, place }));
};

const isSameVariable = (a: RawVariable, b: RawVariable): boolean => {
  if (a.type.name !== b.type.name) return false;
  // A parameter's heap copy is declared as a local of the outermost scope.
  return a.depth === b.depth && (a.line === b.line || a.role !== b.role);
};

const merge = (a: RawVariable, b: RawVariable): RawVariable => {
  const role = a.role === 'local' ? b.role : a.role;
  const better = b.place.kind === 'indirect' || a.place.kind === 'absent' ? b : a;
  return { ...better, role };
};

/**
 * A captured variable where a closure finds it when entered: in the closure object, which the context register points
 * to. The compiler's own record begins later (or, without optimisation, names a home that is not filled yet).
 */
export const inClosureObject = (variable: RawVariable, closure: RegisterName): RawVariable =>
  variable.closureOffset === undefined
    ? variable
    : { ...variable, place: { kind: 'memory', base: closure, offset: variable.closureOffset } };

/**
 * Delve's rule: a parameter can be seen everywhere, a local from the line after its declaration on, a captured variable
 * from that line itself.
 */
export const isDeclaredBy = ({ role, line, closureOffset }: RawVariable, at: number): boolean => {
  if (role !== 'local' || line === undefined) return true;
  return closureOffset === undefined ? at > line : at >= line;
};
