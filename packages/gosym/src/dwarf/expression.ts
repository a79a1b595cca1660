import type { GoType, Place } from '../api.js';
import { virtualAddress } from '../units.js';
import type { ByteCursor } from './byte-cursor.js';
import type { Entries } from './entry.js';
import { layoutOf } from './layout.js';
import type { LocatedExpression } from './location-list.js';
import { hasParts, INCOMPLETE } from './partial-record.js';
import { alignPieces } from './pieces.js';
import { absent, joinPieces, OPTIMISED_AWAY, type Piece } from './place.js';
import { registerName } from './registers.js';
import type { UnitHeader } from './units.js';

/** DW_OP_* that Go's compilers since 1.9 write, and those that mean the same in other words. */
const Op = {
  addr: 0x03,
  deref: 0x06,
  constu: 0x10,
  consts: 0x11,
  plus: 0x22,
  plusUconst: 0x23,
  lit0: 0x30,
  lit31: 0x4f,
  reg0: 0x50,
  reg31: 0x6f,
  breg0: 0x70,
  breg31: 0x8f,
  regx: 0x90,
  fbreg: 0x91,
  bregx: 0x92,
  piece: 0x93,
  callFrameCfa: 0x9c,
  implicitValue: 0x9e,
  stackValue: 0x9f,
  addrx: 0xa1,
} as const;

/** DW_OP_const1u, 1s, 2u, ... 8s: sizes by opcode from 0x08 on, odd ones signed. */
const FIRST_FIXED_CONSTANT = 0x08;
const LAST_FIXED_CONSTANT = 0x0f;

/** One value of the expression's stack, as far as it can be said without running the program. */
type Value = { readonly kind: 'address'; readonly place: Place } | { readonly kind: 'number'; readonly value: bigint };

type Outcome = { readonly place: Place } | { readonly unsupported: string };

const UNSUPPORTED = 'its place is computed by an expression that cannot be followed outside a debugger';

/**
 * Translates a location expression to a place. `DW_OP_fbreg` counts from the CFA because every Go function's frame
 * base is DW_OP_call_frame_cfa.
 */
export const placeOf = (entries: Entries, unit: UnitHeader, expression: LocatedExpression, type: GoType): Place => {
  if (expression.end === expression.start) return absent(OPTIMISED_AWAY);
  const cursor = entries.sections.cursor(expression.section, expression.start, expression.end);
  const { pointerSize } = entries.sections.source;
  const pieces: Piece[] = [];
  let offset = 0;
  while (cursor.position < cursor.end) {
    const outcome = simple(entries, unit, cursor);
    if ('unsupported' in outcome) return absent(UNSUPPORTED);
    if (cursor.position === cursor.end) {
      if (pieces.length > 0) return absent(UNSUPPORTED);
      return outcome.place.kind === 'register' && hasParts(type, pointerSize) ? INCOMPLETE : outcome.place;
    }
    cursor.take(1);
    const size = cursor.uleb();
    if (size > 0) pieces.push({ offset, size, place: outcome.place.kind === 'absent' ? undefined : outcome.place });
    offset += size;
  }
  const aligned = alignPieces(pieces, type.size, layoutOf(type, pointerSize).components);
  return aligned === undefined ? INCOMPLETE : joinPieces(aligned, type.size);
};

/** One location up to a DW_OP_piece (left unread) or the end. */
const simple = (entries: Entries, unit: UnitHeader, cursor: ByteCursor): Outcome => {
  const machine = entries.sections.source.machine;
  const stack: Value[] = [];
  let direct: Place | undefined;
  while (cursor.position < cursor.end && cursor.bytes[cursor.position] !== Op.piece) {
    entries.limit.spend(cursor.section, cursor.position);
    const op = cursor.u8();
    if (op >= Op.reg0 && op <= Op.reg31) direct = { kind: 'register', register: registerName(machine, op - Op.reg0) };
    else if (op === Op.regx) direct = { kind: 'register', register: registerName(machine, cursor.uleb()) };
    else if (op === Op.stackValue) {
      const top = stack.pop();
      if (top?.kind !== 'number') return { unsupported: 'stack value' };
      direct = { kind: 'constant', value: top.value };
    } else if (op === Op.implicitValue) direct = implicitValue(cursor);
    else if (!push(entries, unit, cursor, op, stack)) return { unsupported: `operation 0x${op.toString(16)}` };
  }
  if (direct !== undefined) return { place: direct };
  const top = stack.pop();
  if (top === undefined) return { place: absent(OPTIMISED_AWAY) };
  if (top.kind === 'address') return { place: top.place };
  const address = Number(top.value);
  if (!Number.isSafeInteger(address) || address < 0) return { unsupported: 'address out of range' };
  return { place: { kind: 'absolute', address: virtualAddress(address) } };
};

const implicitValue = (cursor: ByteCursor): Place => {
  const size = cursor.uleb();
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) {
    cursor.take(size);
    return absent(UNSUPPORTED);
  }
  return { kind: 'constant', value: size === 8 ? cursor.u64() : BigInt(cursor.unsigned(size)) };
};

const push = (entries: Entries, unit: UnitHeader, cursor: ByteCursor, op: number, stack: Value[]): boolean => {
  const constant = constantOf(entries, unit, cursor, op);
  if (constant !== undefined) {
    stack.push({ kind: 'number', value: constant });
    return true;
  }
  const base = baseOf(entries, cursor, op);
  if (base !== undefined) {
    stack.push({ kind: 'address', place: base });
    return true;
  }
  if (op === Op.plusUconst || op === Op.plus) {
    const right = op === Op.plus ? stack.pop() : ({ kind: 'number', value: BigInt(cursor.uleb()) } as const);
    const left = stack.pop();
    const sum = left === undefined || right === undefined ? undefined : add(left, right);
    if (sum === undefined) return false;
    stack.push(sum);
    return true;
  }
  if (op === Op.deref) {
    const pointer = stack.pop();
    if (pointer?.kind !== 'address') return false;
    stack.push({ kind: 'address', place: { kind: 'indirect', pointer: pointer.place } });
    return true;
  }
  return false;
};

const constantOf = (entries: Entries, unit: UnitHeader, cursor: ByteCursor, op: number): bigint | undefined => {
  if (op >= Op.lit0 && op <= Op.lit31) return BigInt(op - Op.lit0);
  if (op >= FIRST_FIXED_CONSTANT && op <= LAST_FIXED_CONSTANT) {
    const size = 1 << ((op - FIRST_FIXED_CONSTANT) >> 1);
    const raw = size === 8 ? cursor.u64() : BigInt(cursor.unsigned(size));
    return op % 2 === 1 ? BigInt.asIntN(size * 8, raw) : raw;
  }
  switch (op) {
    case Op.addr:
      return unit.addressSize === 8 ? cursor.u64() : BigInt(cursor.u32());
    case Op.addrx:
      return BigInt(entries.bases(unit).address(unit, cursor.uleb()));
    case Op.constu:
      return cursor.lebBig(false);
    case Op.consts:
      return cursor.lebBig(true);
    default:
      return undefined;
  }
};

const baseOf = (entries: Entries, cursor: ByteCursor, op: number): Place | undefined => {
  const machine = entries.sections.source.machine;
  if (op >= Op.breg0 && op <= Op.breg31)
    return { kind: 'memory', base: registerName(machine, op - Op.breg0), offset: cursor.sleb() };
  switch (op) {
    case Op.bregx: {
      const register = registerName(machine, cursor.uleb());
      return { kind: 'memory', base: register, offset: cursor.sleb() };
    }
    case Op.fbreg:
      return { kind: 'memory', base: 'cfa', offset: cursor.sleb() };
    case Op.callFrameCfa:
      return { kind: 'memory', base: 'cfa', offset: 0 };
    default:
      return undefined;
  }
};

const add = (left: Value, right: Value): Value | undefined => {
  if (left.kind === 'number' && right.kind === 'number')
    return { kind: 'number', value: BigInt.asUintN(64, left.value + right.value) };
  const [address, number] = left.kind === 'address' ? [left, right] : [right, left];
  if (address.kind !== 'address' || number.kind !== 'number' || address.place.kind !== 'memory') return undefined;
  const offset = address.place.offset + Number(BigInt.asIntN(64, number.value));
  return Number.isSafeInteger(offset) ? { kind: 'address', place: { ...address.place, offset } } : undefined;
};
