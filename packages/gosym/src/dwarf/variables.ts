import type { GoType, GoVariable, Place, RegisterName } from '../api.js';
import { virtualAddress } from '../units.js';
import { inherited, numberOf, own, stringOf, withOrigins } from './attributes.js';
import { Attribute, Tag } from './constants.js';
import type { Entries, Entry } from './entry.js';
import { placeOf } from './expression.js';
import type { CompileUnit } from './functions.js';
import { expressionAt } from './location-list.js';
import { hasParts, INCOMPLETE, isPartial } from './partial-record.js';
import { absent, OPTIMISED_AWAY } from './place.js';
import type { RawVariable } from './raw-variable.js';
import type { ScopedEntry } from './scopes.js';
import type { Types } from './types.js';

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
  // Go 1.9 does not mark results; unnamed ones can be told by the name the compiler gives them.
  const isResult = inherited(chain, numberOf, Attribute.variableParameter) === 1 || /^~r\d+$/.test(name);
  return {
    name,
    role: entry.tag === Tag.formalParameter ? (isResult ? 'result' : 'parameter') : 'local',
    type,
    ...placeOfEntry(entries, unit, entry, type, address),
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

interface Located {
  readonly place: Place;
  /** First address of the list entry that gives the place; undefined for a record of the whole scope. */
  readonly since: number | undefined;
}

const placeOfEntry = (entries: Entries, unit: CompileUnit, entry: Entry, type: GoType, address: number): Located => {
  const everywhere = (place: Place): Located => ({ place, since: undefined });
  const fixed = own(entry, Attribute.constValue)?.value;
  if (typeof fixed === 'number' || typeof fixed === 'bigint')
    return everywhere({ kind: 'constant', value: BigInt(fixed) });
  const location = own(entry, Attribute.location);
  if (location === undefined) return everywhere(absent(OPTIMISED_AWAY));
  if (location.class === 'block' && typeof location.value === 'object')
    return everywhere(placeOf(entries, unit.header, { section: '.debug_info', ...location.value }, type));
  if (typeof location.value !== 'number') return everywhere(absent(OPTIMISED_AWAY));
  const expression = expressionAt(entries, unit.header, location.value, unit.base, address);
  if (expression === undefined) return everywhere(absent('it is not live at this instruction'));
  const place = placeOf(entries, unit.header, expression, type);
  const isDoubtful = place.kind === 'memory' && hasParts(type, entries.sections.source.pointerSize);
  if (isDoubtful && isPartial(entries, unit.header, location.value, unit.base)) return everywhere(INCOMPLETE);
  return { place, since: Number.isSafeInteger(expression.low) && expression.low >= 0 ? expression.low : undefined };
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
 * compiler's left out. A name appears once per scope. Twice it is described for a parameter as passed and its copy on
 * the heap, and in inlined functions, whose blocks the compiler flattens into one scope: what has a place counts.
 */
export const shownVariables = (raw: readonly RawVariable[]): readonly GoVariable[] => {
  const shown = new Map<string, RawVariable>();
  for (const candidate of raw) {
    if (isHidden(candidate.name)) continue;
    const variable = throughPointer(candidate);
    const key = `${variable.depth} ${variable.name}`;
    const first = shown.get(key);
    shown.set(key, first === undefined ? variable : merge(first, variable));
  }
  // Stable: the order of declaration stays within one scope.
  const innermostFirst = [...shown.values()].sort((a, b) => b.depth - a.depth);
  return innermostFirst.map(({ name, role, type, place, since }) => {
    const variable = { name, role, type, place };
    return since === undefined || place.kind === 'absent' ? variable : { ...variable, since: virtualAddress(since) };
  });
};

const merge = (first: RawVariable, second: RawVariable): RawVariable => {
  const isBetter =
    first.place.kind === 'absent' ||
    (second.place.kind !== 'absent' && (second.place.kind === 'indirect' || (second.line ?? 0) > (first.line ?? 0)));
  const better = isBetter ? second : first;
  // The copy on the heap is declared as a local.
  const parameter = [first, second].find(({ role }) => role !== 'local');
  return parameter?.type.name === better.type.name ? { ...better, role: parameter.role } : better;
};

/**
 * A captured variable where a closure finds it when entered: in the closure object, which the context register points
 * to. The compiler's own record begins later (or, without optimisation, names a home that is not filled yet).
 */
export const inClosureObject = (variable: RawVariable, closure: RegisterName): RawVariable =>
  variable.closureOffset === undefined
    ? variable
    : { ...variable, since: undefined, place: { kind: 'memory', base: closure, offset: variable.closureOffset } };

/**
 * Delve's rule: a parameter can be seen everywhere, a local from the line after its declaration on, a captured variable
 * from that line itself.
 */
export const isDeclaredBy = ({ role, line, closureOffset }: RawVariable, at: number): boolean => {
  if (role !== 'local' || line === undefined) return true;
  return closureOffset === undefined ? at > line : at >= line;
};
