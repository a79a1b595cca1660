import type { Place } from '../api.js';
import { ArgumentAssignment } from './abi.js';
import { inherited, stringOf, withOrigins } from './attributes.js';
import { Attribute } from './constants.js';
import type { LocatedFunction } from './functions.js';
import { dictionaryPosition } from './hidden-parameter.js';
import { layoutOf } from './layout.js';
import { isInside } from './partial-record.js';
import { agree } from './place-agreement.js';
import { type Producer, parseProducer } from './producer.js';
import type { RawVariable } from './raw-variable.js';
import { type ArgumentRegisters, argumentRegisters } from './registers.js';
import type { Types } from './types.js';
import { isUnnamed } from './variables.js';

/** Whether what the compiler recorded for the entry instruction is what was computed. */
export type Verdict = 'confirmed' | 'silent' | 'contradicted';

/** A calling convention tried on a function's parameters. */
export interface Attempt {
  readonly parameters: readonly {
    readonly raw: RawVariable;
    readonly computed: Place | undefined;
    readonly verdict: Verdict;
  }[];
  /** Behind the last parameter: results come next. */
  readonly assignment: ArgumentAssignment;
  readonly producer: Producer;
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
  return { parameters, assignment, producer, confirmed: count('confirmed'), contradicted: count('contradicted') };
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

/**
 * The convention that a function follows: the one its unit was compiled for, unless the compiler's record for the entry
 * contradicts it and agrees with another. Undefined on machines whose argument registers are not known here.
 */
export const conventionOf = (
  types: Types,
  fn: LocatedFunction,
  parameters: readonly RawVariable[],
): Attempt | undefined => {
  const { machine, pointerSize } = types.entries.sections.source;
  const producer = parseProducer(fn.unit.producer);
  const registers = argumentRegisters(machine);
  if (producer.registerAbi && registers === undefined) return undefined;
  const stackStart = registers?.stackStart ?? (machine === '386' ? 0 : pointerSize);
  const test = (abi: ArgumentRegisters | undefined, dictionary: number | undefined): Attempt =>
    attempt(parameters, new ArgumentAssignment(abi, pointerSize, stackStart), dictionary, producer, pointerSize);
  const name = inherited(withOrigins(types.entries, fn.entry), stringOf, Attribute.name) ?? '';
  const isListed = parameters.some((parameter) => parameter.name === '.dict');
  const dictionary = isListed ? undefined : dictionaryPosition(name, producer.minor);
  const expected = test(producer.registerAbi ? registers : undefined, dictionary);
  if (expected.contradicted === 0 || !producer.registerAbi) return expected;
  // Functions that assembly calls keep the stack convention (ABI0) under the same names.
  const others = [test(undefined, undefined), ...[undefined, 0, 1].map((position) => test(registers, position))];
  return others.find(({ contradicted, confirmed }) => contradicted === 0 && confirmed > 0) ?? expected;
};
