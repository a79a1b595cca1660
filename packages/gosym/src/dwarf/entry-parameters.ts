import type { Degraded, GoVariable, Place, Problem } from '../api.js';
import { Tag } from './constants.js';
import { type Attempt, conventionOf } from './convention.js';
import type { LocatedFunction } from './functions.js';
import { absent } from './place.js';
import type { RawVariable } from './raw-variable.js';
import { argumentRegisters } from './registers.js';
import type { Types } from './types.js';
import { inClosureObject, isHidden, readVariable, shownVariables } from './variables.js';

const RESULT = 'results exist only when the function returns';
const CONTRADICTED = 'the compiler recorded another place for it than the calling convention gives';
const UNANCHORED = 'the parameters before it are not all recorded, so its register cannot be told';

/**
 * Unnamed parameters are recorded since Go 1.22 (measured with 1.18, 1.20, 1.22 to 1.27). Before, one that is missing
 * shifts all later ones, so a computed place counts only beside a record that agrees.
 */
const FIRST_COMPLETE_MINOR = 22;

/**
 * Parameters as passed: computed from their types and held against what the compiler recorded for the entry
 * instruction. Over the 25,407 parameters of Delve 1.27.2 the two differ in twelve, where the entry instruction already
 * belongs to an assignment to the parameter (`if max == 0 { max = min }`, swapped operands). What a closure captured
 * follows as locals.
 */
export const entryParameters = (types: Types, fn: LocatedFunction): Degraded<readonly GoVariable[]> => {
  const { passed, captured } = signatureOf(types, fn);
  const parameters = passed.filter(({ role }) => role === 'parameter');
  const convention = conventionOf(types, fn, parameters);
  const places = convention === undefined ? undefined : settle(convention);
  const problems = convention === undefined && parameters.length > 0 ? [unknownRegisters(types)] : [];
  const shown = passed.flatMap((variable): GoVariable[] => {
    const { name, role, type } = variable;
    if (isHidden(name)) return [];
    const place =
      role === 'result' ? absent(RESULT) : (places?.get(variable) ?? absent(unknownRegisters(types).message));
    return [{ name, role, type, place }];
  });
  return { value: [...shown, ...shownVariables(captured)], problems };
};

/**
 * Results where the calling convention puts them when the function returns: right at every `ret`. All results are
 * recorded, the unnamed ones as "~r0" and so on (before Go 1.22 blank ones as "~b0").
 */
export const resultsAtReturn = (types: Types, fn: LocatedFunction): Degraded<readonly GoVariable[]> => {
  const { passed } = signatureOf(types, fn);
  const results = passed.filter(({ role }) => role === 'result');
  const convention = conventionOf(
    types,
    fn,
    passed.filter(({ role }) => role === 'parameter'),
  );
  convention?.assignment.startResults();
  const shown = results.map(({ name, role, type, place: recorded }): GoVariable => {
    const computed = convention?.assignment.next(type);
    if (computed === undefined) return { name, role, type, place: absent(unknownRegisters(types).message) };
    const isOnStack = computed.kind === 'memory' && type.size > 0;
    // The stack behind arguments that are in doubt; the home that a compiler without registers names is no guess.
    const isDoubtful = isOnStack && convention?.contradicted !== 0;
    const place = isDoubtful ? (isCallersHome(recorded) ? recorded : absent(UNANCHORED)) : computed;
    return { name, role, type, place };
  });
  return { value: shown, problems: convention === undefined && results.length > 0 ? [unknownRegisters(types)] : [] };
};

/**
 * Go 1.26 records a named result twice that a deferred closure changes (measured: two entries without a place, before
 * the next result). Names of one signature are distinct but for blank ones, so the second is no further value: counted,
 * it would shift the registers of all that follow. The entry that has a place is kept.
 */
const addPassed = (passed: RawVariable[], variable: RawVariable): void => {
  const at = /^_?$/.test(variable.name) ? -1 : passed.findIndex(({ name }) => name === variable.name);
  const twin = passed[at];
  if (twin === undefined) passed.push(variable);
  else if (twin.place.kind === 'absent') passed[at] = variable;
};

/** Parameters and results in order, and what a closure captured. */
const signatureOf = (types: Types, fn: LocatedFunction) => {
  const passed: RawVariable[] = [];
  const captured: RawVariable[] = [];
  const closure = argumentRegisters(types.entries.sections.source.machine)?.closure;
  for (const entry of types.entries.children(fn.entry)) {
    if (entry.tag !== Tag.formalParameter && entry.tag !== Tag.variable) continue;
    const variable = readVariable(types, fn.unit, { entry, depth: 0 }, fn.low);
    if (variable === undefined) continue;
    if (entry.tag === Tag.formalParameter) addPassed(passed, variable);
    else if (closure !== undefined && variable.closureOffset !== undefined)
      captured.push(inClosureObject(variable, closure));
  }
  return { passed, captured };
};

const settle = (convention: Attempt): ReadonlyMap<RawVariable, Place> =>
  convention.producer.registerAbi ? settleInRegisters(convention) : settleOnStack(convention);

const settleInRegisters = ({ parameters, producer }: Attempt): ReadonlyMap<RawVariable, Place> => {
  const isComplete = producer.minor === undefined || producer.minor >= FIRST_COMPLETE_MINOR;
  const lastConfirmed = parameters.findLastIndex(({ verdict }) => verdict === 'confirmed');
  const firstDoubtful = isComplete ? parameters.findIndex(({ verdict }) => verdict === 'contradicted') : 0;
  const places = new Map<RawVariable, Place>();
  for (const [index, { raw, computed, verdict }] of parameters.entries()) {
    const isAnchored = firstDoubtful === -1 || index < firstDoubtful || index < lastConfirmed;
    // With registers, a recorded home on the caller's stack may be where the callee will spill, and holds nothing yet
    // (Go 1.17 with -race records it from the entry on), or be eight bytes off (Go 1.18 behind a struct with a blank
    // field). For a register, what follows in the right ones confirms the count.
    if (verdict === 'contradicted' && isCallersHome(raw.place)) {
      const isCounted = computed !== undefined && computed.kind !== 'memory' && index < lastConfirmed;
      places.set(raw, isCounted ? computed : absent(CONTRADICTED));
    } else if (verdict === 'contradicted') places.set(raw, isComplete ? absent(CONTRADICTED) : raw.place);
    else if (computed !== undefined && (verdict === 'confirmed' || isAnchored)) places.set(raw, computed);
    else places.set(raw, raw.place.kind === 'absent' || isComplete ? absent(UNANCHORED) : raw.place);
  }
  return places;
};

/**
 * Without register arguments the home that the compiler names is where the caller put the value. Up to Go 1.11 the
 * entries are in alphabetical order, so without a record nothing can be computed beside ones that disagree.
 */
const settleOnStack = ({ parameters, contradicted }: Attempt): ReadonlyMap<RawVariable, Place> => {
  const places = new Map<RawVariable, Place>();
  for (const { raw, computed } of parameters) {
    if (isCallersHome(raw.place)) places.set(raw, raw.place);
    else places.set(raw, computed !== undefined && contradicted === 0 ? computed : absent(UNANCHORED));
  }
  return places;
};

const isCallersHome = (place: Place): boolean => place.kind === 'memory' && place.base === 'cfa' && place.offset >= 0;

const unknownRegisters = (types: Types): Problem => {
  const { machine } = types.entries.sections.source;
  const message = `Go passes values in registers on ${machine}, and which ones is not known here; read them at a later line.`;
  return { code: 'unsupported-machine', message };
};
