import type { Degraded, GoVariable, Place, Problem } from '../api.js';
import { ArgumentAssignment } from './abi.js';
import { inherited, stringOf, withOrigins } from './attributes.js';
import { Attribute, Tag } from './constants.js';
import type { LocatedFunction } from './functions.js';
import { dictionaryPosition } from './hidden-parameter.js';
import { layoutOf } from './layout.js';
import { isInside } from './partial-record.js';
import { absent } from './place.js';
import { agree } from './place-agreement.js';
import { type Producer, parseProducer } from './producer.js';
import { type ArgumentRegisters, argumentRegisters } from './registers.js';
import type { Types } from './types.js';
import { inClosureObject, isHidden, isUnnamed, type RawVariable, readVariable, shownVariables } from './variables.js';

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
  const raw: RawVariable[] = [];
  const captured: RawVariable[] = [];
  const closure = argumentRegisters(types.entries.sections.source.machine)?.closure;
  for (const entry of types.entries.children(fn.entry)) {
    if (entry.tag !== Tag.formalParameter && entry.tag !== Tag.variable) continue;
    const variable = readVariable(types, fn.unit, { entry, depth: 0 }, fn.low);
    if (variable === undefined) continue;
    if (entry.tag === Tag.formalParameter) raw.push(variable);
    else if (closure !== undefined && variable.closureOffset !== undefined)
      captured.push(inClosureObject(variable, closure));
  }
  const { places, problems } = choose(
    types,
    fn,
    raw.filter(({ role }) => role === 'parameter'),
  );
  const shown = raw.flatMap((variable): GoVariable[] => {
    const { name, role, type } = variable;
    const place = role === 'result' ? absent(RESULT) : places.get(variable);
    return isHidden(name) || place === undefined ? [] : [{ name, role, type, place }];
  });
  return { value: [...shown, ...shownVariables(captured)], problems };
};

interface Choice {
  readonly places: ReadonlyMap<RawVariable, Place>;
  readonly problems: readonly Problem[];
}

const choose = (types: Types, fn: LocatedFunction, parameters: readonly RawVariable[]): Choice => {
  const { machine, pointerSize } = types.entries.sections.source;
  const producer = parseProducer(fn.unit.producer);
  const registers = argumentRegisters(machine);
  if (producer.registerAbi && registers === undefined) return refuse(parameters, machine);
  const stackStart = registers?.stackStart ?? (machine === '386' ? 0 : pointerSize);
  const test = (abi: ArgumentRegisters | undefined, dictionary: number | undefined): Attempt =>
    attempt(parameters, new ArgumentAssignment(abi, pointerSize, stackStart), dictionary, producer, pointerSize);
  const name = inherited(withOrigins(types.entries, fn.entry), stringOf, Attribute.name) ?? '';
  const isListed = parameters.some((parameter) => parameter.name === '.dict');
  const dictionary = isListed ? undefined : dictionaryPosition(name, producer.minor);
  const expected = test(producer.registerAbi ? registers : undefined, dictionary);
  if (!producer.registerAbi) return settleOnStack(expected);
  if (expected.contradicted === 0) return settle(expected, producer);
  // Functions that assembly calls keep the stack convention (ABI0) under the same names.
  const others = [test(undefined, undefined), ...[undefined, 0, 1].map((position) => test(registers, position))];
  const better = others.find(({ contradicted, confirmed }) => contradicted === 0 && confirmed > 0);
  return settle(better ?? expected, producer);
};

type Verdict = 'confirmed' | 'silent' | 'contradicted';

interface Attempt {
  readonly parameters: readonly {
    readonly raw: RawVariable;
    readonly computed: Place | undefined;
    readonly verdict: Verdict;
  }[];
  readonly confirmed: number;
  readonly contradicted: number;
}

const attempt = (
  raw: readonly RawVariable[],
  assignment: ArgumentAssignment,
  dictionary: number | undefined,
  producer: Producer,
  pointerSize: number,
): Attempt => {
  const parameters = raw.map((variable, index) => {
    if (index === dictionary) assignment.skipPointer();
    const computed = assignment.next(variable.type);
    return { raw: variable, computed, verdict: judge(variable, computed, producer, pointerSize) };
  });
  const count = (wanted: Verdict): number => parameters.filter(({ verdict }) => verdict === wanted).length;
  return { parameters, confirmed: count('confirmed'), contradicted: count('contradicted') };
};

const judge = (raw: RawVariable, computed: Place | undefined, producer: Producer, pointerSize: number): Verdict => {
  if (raw.place.kind === 'absent' || computed === undefined || raw.type.size === 0) return 'silent';
  if (agree(computed, raw.place, raw.type.size)) return 'confirmed';
  // The record of one part that is left of an argument on the stack.
  if (computed.kind === 'memory' && raw.place.kind === 'memory' && isInside(raw.place, computed, raw.type.size))
    return 'silent';
  // One record for the whole function names the home in memory, which the prologue fills later or, for unnamed
  // parameters (Go 1.27), never.
  const namesHome = raw.recorded === 'everywhere' && raw.place.kind === 'memory' && producer.optimised;
  if (namesHome && (isUnnamed(raw.name) || !layoutOf(raw.type, pointerSize).livesInRegisters)) return 'silent';
  return 'contradicted';
};

const settle = ({ parameters }: Attempt, producer: Producer): Choice => {
  const isComplete = producer.minor === undefined || producer.minor >= FIRST_COMPLETE_MINOR;
  const lastConfirmed = parameters.findLastIndex(({ verdict }) => verdict === 'confirmed');
  const firstDoubtful = isComplete ? parameters.findIndex(({ verdict }) => verdict === 'contradicted') : 0;
  const places = new Map<RawVariable, Place>();
  for (const [index, { raw, computed, verdict }] of parameters.entries()) {
    const isAnchored = firstDoubtful === -1 || index < firstDoubtful || index < lastConfirmed;
    if (verdict === 'contradicted') places.set(raw, isComplete ? absent(CONTRADICTED) : raw.place);
    else if (computed !== undefined && (verdict === 'confirmed' || isAnchored)) places.set(raw, computed);
    else places.set(raw, raw.place.kind === 'absent' || isComplete ? absent(UNANCHORED) : raw.place);
  }
  return { places, problems: [] };
};

/**
 * Without register arguments the home that the compiler names is where the caller put the value. Up to Go 1.11 the
 * entries are in alphabetical order, so without a record nothing can be computed beside ones that disagree.
 */
const settleOnStack = ({ parameters, contradicted }: Attempt): Choice => {
  const places = new Map<RawVariable, Place>();
  for (const { raw, computed } of parameters) {
    const isHome = raw.place.kind === 'memory' && raw.place.base === 'cfa' && raw.place.offset >= 0;
    if (isHome) places.set(raw, raw.place);
    else places.set(raw, computed !== undefined && contradicted === 0 ? computed : absent(UNANCHORED));
  }
  return { places, problems: [] };
};

const refuse = (parameters: readonly RawVariable[], machine: string): Choice => {
  const message = `Go passes arguments in registers on ${machine}, and which ones is not known here; read them at a later line.`;
  return {
    places: new Map(parameters.map((parameter) => [parameter, absent(message)])),
    problems: parameters.length === 0 ? [] : [{ code: 'unsupported-machine', message }],
  };
};
