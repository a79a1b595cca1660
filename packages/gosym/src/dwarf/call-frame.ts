import type { ByteCursor } from './byte-cursor.js';
import type { CfaRule } from './dwarf.js';
import { lastAtOrBelow } from './functions.js';
import { registerName } from './registers.js';
import type { Sections } from './sections.js';
import { readInitialLength } from './units.js';
import type { WorkLimit } from './work-limit.js';

/** DW_CFA_*: the first three carry an operand in their low six bits. DWARF 5, 7.24. */
const Cfa = {
  advanceLoc: 0x40,
  offset: 0x80,
  restore: 0xc0,
  nop: 0x00,
  setLoc: 0x01,
  advanceLoc1: 0x02,
  advanceLoc2: 0x03,
  advanceLoc4: 0x04,
  offsetExtended: 0x05,
  restoreExtended: 0x06,
  undefined: 0x07,
  sameValue: 0x08,
  register: 0x09,
  rememberState: 0x0a,
  restoreState: 0x0b,
  defCfa: 0x0c,
  defCfaRegister: 0x0d,
  defCfaOffset: 0x0e,
  defCfaExpression: 0x0f,
  expression: 0x10,
  offsetExtendedSf: 0x11,
  defCfaSf: 0x12,
  defCfaOffsetSf: 0x13,
  valOffset: 0x14,
  valOffsetSf: 0x15,
  valExpression: 0x16,
} as const;

/** DW_CFA_remember_state without its restore; compilers nest one or two. */
const MOST_REMEMBERED = 64;

interface Common {
  readonly addressSize: number;
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly initial: { readonly start: number; readonly end: number };
}

interface FrameTable {
  readonly lows: Float64Array;
  readonly highs: Float64Array;
  /** Offset of each description's length field in .debug_frame. */
  readonly offsets: Float64Array;
}

interface Rule {
  register: number;
  offset: number;
}

/** Where frames are, from .debug_frame. */
export class CallFrames {
  #table: FrameTable | undefined;
  readonly #commons = new Map<number, Common | undefined>();

  constructor(
    private readonly sections: Sections,
    private readonly limit: WorkLimit,
  ) {}

  cfaAt(address: number): CfaRule | undefined {
    this.#table ??= this.#index();
    const { lows, highs, offsets } = this.#table;
    const index = lastAtOrBelow(lows, address);
    const [low, offset] = [lows[index], offsets[index]];
    if (low === undefined || offset === undefined || address >= (highs[index] ?? 0)) return undefined;
    const description = this.#description(offset);
    const common = description === undefined ? undefined : this.#common(description.common);
    if (description === undefined || common === undefined) return undefined;
    const rule = this.#run(common, description, low, address);
    if (rule === undefined) return undefined;
    return { register: registerName(this.sections.source.machine, rule.register), offset: rule.offset };
  }

  #index(): FrameTable {
    const cursor = this.sections.cursor('.debug_frame');
    const found: { low: number; high: number; offset: number }[] = [];
    while (cursor.position < cursor.end) {
      this.limit.spend('.debug_frame', cursor.position);
      const offset = cursor.position;
      const { offsetSize, end } = readInitialLength(cursor);
      if (end - cursor.position >= offsetSize && !isCommon(cursor, offsetSize)) {
        const description = this.#description(offset);
        if (description !== undefined && description.low < description.high) found.push({ ...description, offset });
      }
      cursor.seek(end);
    }
    found.sort((a, b) => a.low - b.low);
    return {
      lows: Float64Array.from(found, ({ low }) => low),
      highs: Float64Array.from(found, ({ high }) => high),
      offsets: Float64Array.from(found, ({ offset }) => offset),
    };
  }

  #description(offset: number) {
    const cursor = this.sections.cursor('.debug_frame', offset);
    const { offsetSize, end } = readInitialLength(cursor);
    const commonOffset = cursor.unsigned(offsetSize);
    const common = this.#common(commonOffset);
    if (common === undefined) return undefined;
    const low = cursor.unsigned(common.addressSize);
    const high = low + cursor.unsigned(common.addressSize);
    return { common: commonOffset, low, high, start: cursor.position, end };
  }

  #common(offset: number): Common | undefined {
    if (this.#commons.has(offset)) return this.#commons.get(offset);
    const common = this.#readCommon(offset);
    this.#commons.set(offset, common);
    return common;
  }

  #readCommon(offset: number): Common | undefined {
    const cursor = this.sections.cursor('.debug_frame', offset);
    const { offsetSize, end } = readInitialLength(cursor);
    if (!isCommon(cursor, offsetSize)) return undefined;
    const version = cursor.u8();
    // An augmentation changes the layout of what follows in ways only its author knows.
    if (cursor.string() !== '') return undefined;
    let addressSize: number = this.sections.source.pointerSize;
    if (version >= 4) {
      addressSize = cursor.u8();
      if (cursor.u8() !== 0) return undefined;
    }
    if (addressSize !== 4 && addressSize !== 8) return undefined;
    const codeAlignment = cursor.uleb();
    const dataAlignment = cursor.sleb();
    if (version === 1) cursor.u8();
    else cursor.uleb();
    return { addressSize, codeAlignment, dataAlignment, initial: { start: cursor.position, end } };
  }

  #run(
    common: Common,
    { start, end }: { readonly start: number; readonly end: number },
    low: number,
    address: number,
  ): Rule | undefined {
    const rule: Rule = { register: -1, offset: 0 };
    const initial = this.sections.cursor('.debug_frame', common.initial.start, common.initial.end);
    if (!interpret(initial, common, rule, low, address, this.limit)) return undefined;
    const own = this.sections.cursor('.debug_frame', start, end);
    if (!interpret(own, common, rule, low, address, this.limit) || rule.register < 0) return undefined;
    return rule;
  }
}

/** Consumes the identifier; all ones marks a common entry in .debug_frame. */
const isCommon = (cursor: ByteCursor, offsetSize: 4 | 8): boolean =>
  offsetSize === 8 ? cursor.u64() === 0xffff_ffff_ffff_ffffn : cursor.u32() === 0xffff_ffff;

/** Applies instructions up to the row of `address`; false where the rule is not register plus offset. */
const interpret = (
  cursor: ByteCursor,
  common: Common,
  rule: Rule,
  low: number,
  address: number,
  limit: WorkLimit,
): boolean => {
  let location = low;
  const remembered: Rule[] = [];
  while (cursor.position < cursor.end) {
    limit.spend(cursor.section, cursor.position);
    const op = cursor.u8();
    const advance = advanceOf(cursor, op, common);
    if (advance !== undefined) {
      location = op === Cfa.setLoc ? advance : location + advance;
      if (location > address) return true;
    } else if (op === Cfa.rememberState) {
      if (remembered.push({ ...rule }) > MOST_REMEMBERED) return false;
    } else if (op === Cfa.restoreState) {
      const last = remembered.pop();
      if (last === undefined) return false;
      Object.assign(rule, last);
    } else if (!define(cursor, op, common, rule) && !stepOver(cursor, op)) return false;
  }
  return true;
};

const advanceOf = (cursor: ByteCursor, op: number, common: Common): number | undefined => {
  if ((op & 0xc0) === Cfa.advanceLoc) return (op & 0x3f) * common.codeAlignment;
  switch (op) {
    case Cfa.setLoc:
      return cursor.unsigned(common.addressSize);
    case Cfa.advanceLoc1:
      return cursor.u8() * common.codeAlignment;
    case Cfa.advanceLoc2:
      return cursor.u16() * common.codeAlignment;
    case Cfa.advanceLoc4:
      return cursor.u32() * common.codeAlignment;
    default:
      return undefined;
  }
};

const define = (cursor: ByteCursor, op: number, common: Common, rule: Rule): boolean => {
  switch (op) {
    case Cfa.defCfa:
      rule.register = cursor.uleb();
      rule.offset = cursor.uleb();
      return true;
    case Cfa.defCfaSf:
      rule.register = cursor.uleb();
      rule.offset = cursor.sleb() * common.dataAlignment;
      return true;
    case Cfa.defCfaRegister:
      rule.register = cursor.uleb();
      return true;
    case Cfa.defCfaOffset:
      rule.offset = cursor.uleb();
      return true;
    case Cfa.defCfaOffsetSf:
      rule.offset = cursor.sleb() * common.dataAlignment;
      return true;
    default:
      return false;
  }
};

/** Rules of other registers, which finding the frame does not need. */
const stepOver = (cursor: ByteCursor, op: number): boolean => {
  if ((op & 0xc0) === Cfa.offset) {
    cursor.skipLeb();
    return true;
  }
  if ((op & 0xc0) === Cfa.restore) return true;
  switch (op) {
    case Cfa.nop:
      return true;
    case Cfa.restoreExtended:
    case Cfa.undefined:
    case Cfa.sameValue:
      cursor.skipLeb();
      return true;
    case Cfa.offsetExtended:
    case Cfa.offsetExtendedSf:
    case Cfa.register:
    case Cfa.valOffset:
    case Cfa.valOffsetSf:
      cursor.skipLeb();
      cursor.skipLeb();
      return true;
    case Cfa.expression:
    case Cfa.valExpression:
      cursor.skipLeb();
      cursor.take(cursor.uleb());
      return true;
    default:
      return false;
  }
};
