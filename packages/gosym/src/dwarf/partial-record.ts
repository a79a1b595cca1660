import type { GoType, Place } from '../api.js';
import type { Entries } from './entry.js';
import { layoutOf } from './layout.js';
import { type LocatedExpression, listAt } from './location-list.js';
import { absent } from './place.js';
import type { RawVariable } from './raw-variable.js';
import type { UnitHeader } from './units.js';

/**
 * Go's compilers (to 1.27) describe a string, slice or struct of which only one part is left like a variable that lies
 * there whole: without DW_OP_piece and without saying which part it is (cmd/compile/internal/ssa/debug.go writes pieces
 * where more than one slot exists). About one in twenty such variables of Delve 1.27.2; read as a whole they are
 * nonsense. Here is what can be told apart.
 */
export const INCOMPLETE = absent('the compiler recorded only some of its parts and not which ones');

/** DW_OP_reg0 to reg31, DW_OP_regx. */
const [FIRST_REGISTER, LAST_REGISTER, REGISTER_X] = [0x50, 0x6f, 0x90];

/** A value of several words, which no single register holds. */
export const hasParts = (type: GoType, pointerSize: number): boolean => {
  const { components } = layoutOf(type, pointerSize);
  return components === undefined ? type.size > pointerSize : components.length > 1;
};

/**
 * Whether the list keeps the variable in a single register anywhere. Then its memory places are those of the one part
 * as well: a whole variable in memory is never in a register.
 */
export const isPartial = (entries: Entries, unit: UnitHeader, offset: number, unitBase: number): boolean => {
  for (const expression of listAt(entries, unit, offset, unitBase)) {
    if (isBareRegister(entries, expression)) return true;
  }
  return false;
};

const isBareRegister = (entries: Entries, { section, start, end }: LocatedExpression): boolean => {
  if (start === end) return false;
  const cursor = entries.sections.cursor(section, start, end);
  const op = cursor.u8();
  if (op === REGISTER_X) cursor.skipLeb();
  else if (op < FIRST_REGISTER || op > LAST_REGISTER) return false;
  return cursor.position === end;
};

/**
 * An argument passed on the stack stays where it was passed; a place elsewhere on the caller's side is one part of it.
 * `homeOf` is the place that the calling convention gives to a parameter.
 */
export const isPartOfArgument = (
  variable: RawVariable,
  homeOf: (name: string) => Place | undefined,
  pointerSize: number,
): boolean => {
  const { place, type, recorded } = variable;
  if (variable.role !== 'parameter' || recorded !== 'by-instruction' || !hasParts(type, pointerSize)) return false;
  if (place.kind !== 'memory') return false;
  const home = homeOf(variable.name);
  return home?.kind === 'memory' && isInside(place, home, type.size);
};

/** Whether a place begins within a value at `home`, but not at its start. */
export const isInside = (place: Place & { kind: 'memory' }, home: Place & { kind: 'memory' }, size: number): boolean =>
  place.base === home.base && place.offset > home.offset && place.offset < home.offset + size;
