import type { Degraded, GoVariable, Place, Problem } from '../api.js';
import { ArgumentAssignment } from './abi.js';
import { numberOf } from './attributes.js';
import { Attribute, Tag } from './constants.js';
import type { LocatedFunction } from './functions.js';
import { absent } from './place.js';
import { agree } from './place-agreement.js';
import { type ArgumentRegisters, argumentRegisters } from './registers.js';
import type { Types } from './types.js';
import { isHidden, type RawVariable, readVariable } from './variables.js';

const NO_RESULT_YET = 'results exist only when the function returns';

/**
 * Parameters as passed. The compiler's own record at the entry instruction, where it has one, must agree with the
 * computed assignment; from the first contradiction on only the record is believed.
 */
export const entryParameters = (types: Types, fn: LocatedFunction): Degraded<readonly GoVariable[]> => {
  const { entries } = types;
  const raw: RawVariable[] = [];
  for (const entry of entries.children(fn.entry)) {
    if (entry.tag !== Tag.formalParameter) continue;
    const variable = readVariable(types, fn.unit, { entry, depth: 0 }, fn.low);
    if (variable !== undefined) raw.push(variable);
  }
  const parameters = raw.filter(({ role }) => role === 'parameter');
  const { places, problems } = choose(types, fn, parameters);
  const shown: GoVariable[] = [];
  for (const variable of raw) {
    const { name, role, type } = variable;
    if (isHidden(name)) continue;
    const place = role === 'result' ? absent(NO_RESULT_YET) : places.get(variable);
    if (place !== undefined) shown.push({ name, role, type, place });
  }
  return { value: shown, problems };
};

interface Choice {
  readonly places: ReadonlyMap<RawVariable, Place>;
  readonly problems: readonly Problem[];
}

const choose = (types: Types, fn: LocatedFunction, parameters: readonly RawVariable[]): Choice => {
  const { machine, pointerSize } = types.entries.sections.source;
  const registers = argumentRegisters(machine);
  const usesRegisters = isRegisterAbi(fn.unit.producer);
  if (usesRegisters && registers === undefined)
    return refused(parameters, 'unsupported-machine', `Go's register arguments are not known here for ${machine}.`);
  const stackStart = registers?.stackStart ?? (machine === '386' ? 0 : pointerSize);
  const assignment = (abi: ArgumentRegisters | undefined): Attempt =>
    attempt(parameters, new ArgumentAssignment(abi, pointerSize, stackStart));
  if (!usesRegisters) return settle(assignment(undefined), fn);
  const internal = assignment(registers);
  // A wrapper between the two conventions has the same name and type under either (cmd/compile/internal/ssagen/abi.go).
  const isWrapper = numberOf(fn.entry, Attribute.trampoline) === 1;
  if (internal.contradiction !== undefined || (isWrapper && internal.confirmed === 0)) {
    const stack = assignment(undefined);
    if (stack.contradiction === undefined && stack.confirmed > 0) return settle(stack, fn);
  }
  return settle(internal, fn);
};

/** "Go cmd/compile go1.26.8; regabi": amd64 since Go 1.17, arm64 since 1.18. */
const isRegisterAbi = (producer: string): boolean => /;.*\bregabi\b/.test(producer);

interface Attempt {
  readonly places: ReadonlyMap<RawVariable, Place>;
  /** Parameters whose recorded place says the same. */
  readonly confirmed: number;
  readonly contradiction: string | undefined;
}

const attempt = (parameters: readonly RawVariable[], assignment: ArgumentAssignment): Attempt => {
  const places = new Map<RawVariable, Place>();
  let confirmed = 0;
  let contradiction: string | undefined;
  for (const parameter of parameters) {
    const recorded = parameter.place;
    const computed = contradiction === undefined ? assignment.next(parameter.type) : undefined;
    if (recorded.kind !== 'absent' && computed !== undefined) {
      if (agree(computed, recorded, parameter.type.size)) confirmed += 1;
      else contradiction = parameter.name;
    } else if (computed === undefined) contradiction ??= parameter.name;
    const believed = contradiction === undefined ? computed : recorded;
    places.set(parameter, believed ?? recorded);
  }
  return { places, confirmed, contradiction };
};

const settle = ({ places, contradiction }: Attempt, fn: LocatedFunction): Choice => {
  if (contradiction === undefined) return { places, problems: [] };
  const message =
    `From parameter ${contradiction} on, the arguments at 0x${fn.low.toString(16)} are not where Go's calling ` +
    'convention would put them; only the places that the compiler recorded are given, the others need a later line.';
  return { places, problems: [{ code: 'unusual-arguments', message }] };
};

const refused = (parameters: readonly RawVariable[], code: string, message: string): Choice => ({
  places: new Map(parameters.map((parameter) => [parameter, absent(message)])),
  problems: parameters.length === 0 ? [] : [{ code, message }],
});
