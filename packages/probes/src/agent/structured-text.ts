/** Values of several parts, as text close to Go's %+v (strings quoted) and as data. Little endian. */
import type { JsonValue } from '../events.js';
import type { CapturePart } from '../plan/plan.js';
import type { PartPosition, ValueLayout } from '../plan/value-layout.js';
import { partLayout } from '../program/record.js';
import { floatText, integerText, stringText } from './scalar-text.js';

interface Shown {
  readonly text: string;
  readonly json: JsonValue;
}

const unreadable: Shown = { text: '?', json: null };
const nil: Shown = { text: 'nil', json: null };

const hexText = (address: bigint): string => `0x${address.toString(16)}`;

/** abi.Type.Kind_ behind abi.Type.TFlag. */
const KIND = 3;
const KIND_MASK = 31;

/** internal/abi.Kind from Int to Uintptr, and from Float32 to Complex128. */
const INTEGERS = ([8, 1, 2, 4, 8] as const)
  .map((width) => ({ width, signed: true }))
  .concat(([8, 1, 2, 4, 8, 8] as const).map((width) => ({ width, signed: false })));
const FLOATS = [
  { width: 4, count: 1 },
  { width: 8, count: 1 },
  { width: 4, count: 2 },
  { width: 8, count: 2 },
] as const;

const complexShown = (real: Shown, imaginary: Shown): Shown => {
  const sign = /^[+-]/.test(imaginary.text) ? '' : '+';
  return { text: `(${real.text}${sign}${imaginary.text}i)`, json: { real: real.json, imaginary: imaginary.json } };
};

/** abi.TFlagExtraStar: the name is kept with a star in front that is not the type's. */
const EXTRA_STAR = 2;

class StructuredRecord {
  readonly #view: DataView;
  readonly #at: number;
  readonly #parts: readonly CapturePart[];
  readonly #offsets: readonly number[];
  readonly #faults: number;

  constructor(view: DataView, at: number, parts: readonly CapturePart[]) {
    this.#view = view;
    this.#at = at;
    this.#parts = parts;
    this.#offsets = partLayout(parts).offsets;
    this.#faults = view.getUint32(at, true);
  }

  #partAt(part: number): number | undefined {
    const offset = this.#offsets[part];
    return offset === undefined || (this.#faults & (1 << part)) !== 0 ? undefined : this.#at + offset;
  }

  /** Bytes of a block that were read. */
  #kept(part: number): number {
    const at = this.#partAt(part);
    return at === undefined ? 0 : Math.min(this.#view.getUint32(at + 4, true), this.#parts[part]?.limit ?? 0);
  }

  #find({ part, offset }: PartPosition, width: number): number | undefined {
    const at = this.#partAt(part);
    if (at === undefined) return undefined;
    if (this.#parts[part]?.length === undefined) return at + offset;
    return offset + width <= this.#kept(part) ? at + 8 + offset : undefined;
  }

  #word(position: PartPosition): bigint | undefined {
    const at = this.#find(position, 8);
    return at === undefined ? undefined : this.#view.getBigUint64(at, true);
  }

  #integer(at: number, width: 1 | 2 | 4 | 8, signed: boolean): Shown {
    const view = this.#view;
    if (width === 8) {
      const text = integerText(view, at, signed);
      const value = Number(text);
      return { text, json: Number.isSafeInteger(value) ? value : text };
    }
    const unsigned =
      width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
    const bits = width * 8;
    const value = signed && unsigned >= 2 ** (bits - 1) ? unsigned - 2 ** bits : unsigned;
    return { text: String(value), json: value };
  }

  #count(position: PartPosition): number | undefined {
    const at = this.#find(position, 8);
    return at === undefined ? undefined : Number(this.#view.getBigInt64(at, true));
  }

  show(layout: ValueLayout): Shown {
    switch (layout.kind) {
      case 'integer': {
        const at = this.#find(layout.at, layout.width);
        return at === undefined ? unreadable : this.#integer(at, layout.width, layout.signed);
      }
      case 'bool': {
        const at = this.#find(layout.at, 1);
        if (at === undefined) return unreadable;
        const value = this.#view.getUint8(at) !== 0;
        return { text: String(value), json: value };
      }
      case 'float':
        return this.#float(layout);
      case 'complex':
        return complexShown(this.show(layout.real), this.show(layout.imaginary));
      case 'address': {
        const address = this.#word(layout.at);
        if (address === undefined) return unreadable;
        return address === 0n ? nil : { text: hexText(address), json: hexText(address) };
      }
      case 'string':
        return this.#string(layout.part);
      case 'struct':
        return this.#struct(layout);
      case 'array':
        return this.#array(layout);
      case 'slice':
        return this.#slice(layout);
      case 'pointer': {
        const address = this.#word(layout.at);
        if (address === undefined) return unreadable;
        if (address === 0n) return nil;
        const target = this.show(layout.target);
        return { text: `&${target.text}`, json: { address: hexText(address), value: target.json } };
      }
      case 'interface':
        return this.#interface(layout);
      case 'map':
      case 'chan':
        return this.#counted(layout);
      case 'unavailable':
        return layout.limit === undefined
          ? unreadable
          : { text: `?(limit ${layout.limit})`, json: { leftOut: `limit ${layout.limit}` } };
    }
  }

  #float({ width, at: position }: Extract<ValueLayout, { kind: 'float' }>): Shown {
    const at = this.#find(position, width);
    return at === undefined ? unreadable : this.#floatAt(at, width);
  }

  #floatAt(at: number, width: 4 | 8): Shown {
    const value = width === 4 ? this.#view.getFloat32(at, true) : this.#view.getFloat64(at, true);
    const text = floatText(value, width);
    return { text, json: Number.isFinite(value) && width === 8 ? value : Number.isFinite(value) ? Number(text) : text };
  }

  #string(part: number): Shown {
    const at = this.#partAt(part);
    if (at === undefined) return unreadable;
    const { limit } = this.#parts[part] ?? { limit: 0 };
    const kept = new Uint8Array(this.#view.buffer, this.#view.byteOffset + at + 8, this.#kept(part));
    const length = this.#view.getUint32(at, true);
    const known = Buffer.from(kept).toString('utf8');
    return { text: stringText(this.#view, at, limit), json: length > kept.length ? { text: known, length } : known };
  }

  #struct({ fields, more, limit }: Extract<ValueLayout, { kind: 'struct' }>): Shown {
    const shown = fields.map(({ name, value }) => ({ name, ...this.show(value) }));
    const texts = shown.map(({ name, text }) => `${name}:${text}`);
    const known: Record<string, JsonValue> = Object.fromEntries(shown.map(({ name, json }) => [name, json]));
    if (more === 0) return { text: `{${texts.join(' ')}}`, json: known };
    texts.push(`...+${more} more ${more === 1 ? 'field' : 'fields'}${limit === undefined ? '' : `, limit ${limit}`}`);
    return { text: `{${texts.join(' ')}}`, json: { ...known, '...': { fields: more, limit: limit ?? null } } };
  }

  #elements(elements: readonly ValueLayout[], count: number, limit: string | undefined): Shown {
    const shown = elements.slice(0, Math.max(0, count)).map((each) => this.show(each));
    const texts = shown.map(({ text }) => text);
    if (count > shown.length)
      texts.push(`...+${count - shown.length} more${limit === undefined ? '' : `, limit ${limit}`}`);
    return { text: `[${texts.join(' ')}]`, json: shown.map(({ json }) => json) };
  }

  /** A cut one looks like a slice, which says how long it is. */
  #array({ elements, count, limit }: Extract<ValueLayout, { kind: 'array' }>): Shown {
    const shown = this.#elements(elements, count, limit);
    if (elements.length >= count) return shown;
    return { text: shown.text, json: { length: count, capacity: count, elements: shown.json } };
  }

  #slice(layout: Extract<ValueLayout, { kind: 'slice' }>): Shown {
    const [length, capacity] = [this.#count(layout.length), this.#count(layout.capacity)];
    if (length === undefined) return unreadable;
    const { text, json } = this.#elements(layout.elements, length, layout.limit);
    return { text, json: { length, capacity: capacity ?? null, elements: json } };
  }

  #interface(layout: Extract<ValueLayout, { kind: 'interface' }>): Shown {
    const [type, data] = [this.#word(layout.type), this.#word(layout.data)];
    if (type === undefined || data === undefined) return unreadable;
    if (type === 0n) return nil;
    const name = this.#typeName(layout);
    const shownType = name ?? `type at ${hexText(type)}`;
    const json = { type: shownType, data: hexText(data) };
    const held = this.#held(layout);
    return held === undefined
      ? { text: `${shownType}(${data === 0n ? 'nil' : hexText(data)})`, json }
      : { text: `${shownType}(${held.text})`, json: { ...json, value: held.json } };
  }

  /** The number or the text itself; undefined for everything else. */
  #held({ flags, value, text }: Extract<ValueLayout, { kind: 'interface' }>): Shown | undefined {
    const flagsAt = flags === undefined ? undefined : this.#find(flags, 4);
    if (flagsAt === undefined) return undefined;
    if (text !== undefined && this.#partAt(text) !== undefined) return this.#string(text);
    const at = value === undefined ? undefined : this.#partAt(value);
    return at === undefined ? undefined : this.#number(this.#view.getUint8(flagsAt + KIND) & KIND_MASK, at + 8);
  }

  #number(kind: number, at: number): Shown | undefined {
    if (kind === 1) {
      const isTrue = this.#view.getUint8(at) !== 0;
      return { text: String(isTrue), json: isTrue };
    }
    const integer = INTEGERS[kind - 2];
    if (integer !== undefined) return this.#integer(at, integer.width, integer.signed);
    const floats = FLOATS[kind - 13];
    if (floats === undefined) return undefined;
    const real = this.#floatAt(at, floats.width);
    return floats.count === 1 ? real : complexShown(real, this.#floatAt(at + floats.width, floats.width));
  }

  /** Undefined where the kernel could not read it. */
  #typeName({ name, flags }: Extract<ValueLayout, { kind: 'interface' }>): string | undefined {
    const at = name === undefined ? undefined : this.#partAt(name);
    const flagsAt = flags === undefined ? undefined : this.#find(flags, 1);
    if (name === undefined || at === undefined || flagsAt === undefined) return undefined;
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + at + 8, this.#kept(name));
    const [, first = 0, second = 0] = bytes;
    const isLong = first >= 0x80;
    const length = isLong ? (first & 0x7f) | (second << 7) : first;
    const start = isLong ? 3 : 2;
    const text = Buffer.from(bytes.subarray(start, start + length)).toString('utf8');
    const whole = start + length > bytes.length ? `${text}...` : text;
    return (this.#view.getUint8(flagsAt) & EXTRA_STAR) === 0 ? whole : whole.slice(1);
  }

  #counted(layout: Extract<ValueLayout, { kind: 'map' | 'chan' }>): Shown {
    const address = this.#word(layout.at);
    if (address === undefined) return unreadable;
    if (address === 0n) return nil;
    const length = this.#count(layout.length);
    const capacity = layout.kind === 'chan' ? this.#count(layout.capacity) : undefined;
    const counts = `len ${length ?? '?'}${layout.kind === 'chan' ? ` cap ${capacity ?? '?'}` : ''}`;
    return {
      text: `${layout.typeName}(${counts})`,
      json: { length: length ?? null, ...(layout.kind === 'chan' ? { capacity: capacity ?? null } : {}) },
    };
  }
}

/** `at`: where the capture begins in the record. */
export const structuredValue = (
  layout: ValueLayout,
  parts: readonly CapturePart[],
  view: DataView,
  at: number,
): Shown => new StructuredRecord(view, at, parts).show(layout);
