/** Single captured values as Go would print them. Lengths and offsets are bytes, little endian. */
import { TextDecoder } from 'node:util';

/** fmt's %v: shortest digits that give the number back, exponent form below 1e-4 and from 1e6 on (strconv/ftoa.go). */
const goFloat = (value: number, digits: string): string => {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  // Decided by the digits: the float32 nearest to 0.0001 is a little less.
  const size = Math.abs(Number(digits));
  // Well inside the range where JavaScript writes no exponent either.
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return digits;
  const [mantissa, exponent = '0'] = Number(digits).toExponential().split('e');
  const power = Number(exponent);
  const shown = String(Math.abs(power)).padStart(2, '0');
  return `${mantissa}e${power < 0 ? '-' : '+'}${shown}`;
};

/** `precision` digits; of two that are equally near the even one, as strconv has it and toPrecision has not. */
const roundedTo = (value: number, precision: number): number => {
  const rounded = Number(value.toPrecision(precision));
  const [mantissa = '', exponent = '0'] = value.toExponential(100).split('e');
  const kept = mantissa.slice(0, mantissa.indexOf('.') + precision);
  if (!/^50*$/.test(mantissa.slice(kept.length)) || !/[02468]$/.test(kept)) return rounded;
  const lower = Number(`${kept}e${exponent}`);
  return Math.fround(lower) === value ? lower : rounded;
};

/** Shortest decimal that rounds to the same float32. */
const shortestFloat32 = (value: number): string => {
  for (let precision = 1; precision <= 9; precision++) {
    const nearest = Number(value.toPrecision(precision));
    if (Math.fround(nearest) === value) return String(roundedTo(value, precision));
  }
  return String(value);
};

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const quotedRune = (rune: string): string => {
  const escaped = ESCAPES[rune];
  if (escaped !== undefined) return escaped;
  if (PRINTABLE.test(rune)) return rune;
  const code = rune.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
};

/** strconv.Quote: bytes that are no UTF-8 as \xNN. */
export const goQuote = (bytes: Uint8Array): string => {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let quoted = '"';
  let at = 0;
  while (at < bytes.length) {
    const length = utf8Length(bytes[at] ?? 0);
    const slice = bytes.subarray(at, at + length);
    const rune = slice.length === length ? tryDecode(decoder, slice) : undefined;
    if (rune === undefined) {
      quoted += `\\x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`;
      at++;
    } else {
      quoted += quotedRune(rune);
      at += length;
    }
  }
  return `${quoted}"`;
};

const utf8Length = (first: number): number => (first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4);

const tryDecode = (decoder: TextDecoder, bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
};

const PLAIN_ASCII = /^[ !#-[\]-~]*$/;

/** In the place of a length: there is more, and nobody knows how much. */
const LENGTH_UNKNOWN = 0xffff_ffff;

/** Bytes of a cut text without the beginning of a character that the cut went through. */
const wholeCharacters = (bytes: Uint8Array): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return utf8Length(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
};

export const stringText = (view: DataView, at: number, limit: number): string => {
  const trueLength = view.getUint32(at, true);
  const read = Math.min(view.getUint32(at + 4, true), limit);
  const kept = trueLength > read ? wholeCharacters(new Uint8Array(view.buffer, view.byteOffset + at + 8, read)) : read;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at + 8, kept);
  const ascii = Buffer.from(bytes.buffer, bytes.byteOffset, kept).toString('latin1');
  const quoted = PLAIN_ASCII.test(ascii) ? `"${ascii}"` : goQuote(bytes);
  if (trueLength === LENGTH_UNKNOWN) return `${quoted}...and more`;
  return trueLength > kept ? `${quoted}...+${trueLength - kept} more` : quoted;
};

/** Hex of what was read. */
export const bytesText = (view: DataView, at: number, limit: number): string => {
  const kept = Math.min(view.getUint32(at + 4, true), limit);
  return Buffer.from(view.buffer, view.byteOffset + at + 8, kept).toString('hex');
};

export const integerText = (view: DataView, at: number, signed: boolean): string => {
  const high = view.getInt32(at + 4, true);
  const low = view.getUint32(at, true);
  // No bigint where the number fits a double: this runs for every event.
  if (high === 0) return String(low);
  if (signed && high === -1 && low !== 0) return String(low - 2 ** 32);
  return String(signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true));
};

export const floatText = (value: number, width: 4 | 8): string =>
  goFloat(value, width === 4 ? shortestFloat32(value) : String(value));
