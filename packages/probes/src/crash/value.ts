/** A panic's value as the runtime prints it (printpanicval and printanycustomtype, src/runtime/error.go). */

import { floatText } from '../agent/scalar-text.js';

export interface InterfaceValue {
  /** Address of the type's descriptor; 0n: nil. */
  readonly type: bigint;
  /** The interface's second word: the value's address, or the value where it is a pointer. */
  readonly data: bigint;
  /** abi.Type, the bytes that `data` points to, and those read as the header of a string. Little endian. */
  readonly descriptor: Buffer | undefined;
  readonly value: Buffer | undefined;
  readonly message: Buffer | undefined;
}

/** What depends on the program. */
export interface Printing {
  /** Undefined: the program has no such type. */
  readonly typeName: (descriptor: bigint) => string | undefined;
  /** Go >= 1.26 prints floats as strconv's shortest, before it was +1.500000e+000 (runtime/print.go). */
  readonly shortFloats: boolean;
}

/** internal/abi.Kind. */
const kinds = {
  bool: 1,
  firstInt: 2,
  lastInt: 6,
  firstUint: 7,
  uintptr: 12,
  float32: 13,
  float64: 14,
  pointer: 22,
  string: 24,
} as const;
const KIND_AT = 23;
const KIND_MASK = 31;

export const hexWord = (value: bigint): string => `0x${value.toString(16)}`;

const printedFloat = (value: number, width: 4 | 8, { shortFloats }: Printing): string => {
  if (shortFloats) return floatText(value, width);
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const [mantissa = '', exponent = '0'] = Math.abs(value).toExponential(6).split('e');
  const power = Number(exponent);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '+';
  return `${sign}${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(3, '0')}`;
};

/** int, int8, int16, int32, int64, and the same unsigned; uintptr. */
const widths = [8, 1, 2, 4, 8];

const integer = (value: Buffer, kind: number): string | undefined => {
  const signed = kind <= kinds.lastInt;
  const width = kind === kinds.uintptr ? 8 : (widths[kind - (signed ? kinds.firstInt : kinds.firstUint)] ?? 8);
  if (value.length < width) return undefined;
  if (width === 8) return String(signed ? value.readBigInt64LE() : value.readBigUInt64LE());
  return String(signed ? value.readIntLE(0, width) : value.readUIntLE(0, width));
};

/** Text of a message of which `bytes` were read; line ends as the runtime indents them. */
export const messageText = (bytes: Buffer, length: bigint): string => {
  const text = bytes.toString('utf8');
  const indented = text.replaceAll('\n', '\n\t');
  return length > BigInt(bytes.length) ? `${indented}... (${length} bytes in all)` : indented;
};

const stringOf = ({ message, value }: InterfaceValue): string | undefined =>
  message === undefined || value === undefined || value.length < 16
    ? undefined
    : messageText(message, value.readBigInt64LE(8));

const basic = (found: InterfaceValue, kind: number, printing: Printing): string | undefined => {
  const { value } = found;
  if (kind === kinds.string) return stringOf(found);
  if (value === undefined) return undefined;
  if (kind === kinds.bool) return value.length < 1 ? undefined : String(value[0] !== 0);
  if (kind >= kinds.firstInt && kind <= kinds.uintptr) return integer(value, kind);
  if (kind === kinds.float32) return value.length < 4 ? undefined : printedFloat(value.readFloatLE(), 4, printing);
  if (kind === kinds.float64) return value.length < 8 ? undefined : printedFloat(value.readDoubleLE(), 8, printing);
  return undefined;
};

const unnamed = /^(?:bool|u?int(?:8|16|32|64)?|uintptr|float32|float64|string)$/;

/** runtime.boundsError by its code: internal/abi.BoundsErrorCode, src/runtime/error.go. x is the index, y the bound. */
const boundsTexts: readonly ((x: string, y: string) => string)[] = [
  (x, y) => `index out of range [${x}] with length ${y}`,
  (x, y) => `slice bounds out of range [:${x}] with length ${y}`,
  (x, y) => `slice bounds out of range [:${x}] with capacity ${y}`,
  (x, y) => `slice bounds out of range [${x}:${y}]`,
  (x, y) => `slice bounds out of range [::${x}] with length ${y}`,
  (x, y) => `slice bounds out of range [::${x}] with capacity ${y}`,
  (x, y) => `slice bounds out of range [:${x}:${y}]`,
  (x, y) => `slice bounds out of range [${x}:${y}:]`,
  (x, y) => `cannot convert slice with length ${x} to array or pointer to array with length ${y}`,
];
const negativeTexts = ['index out of range [%]', '[:%]', '[:%]', '[%:]', '[::%]', '[::%]', '[:%:]', '[%::]'];

const boundsError = ({ value }: InterfaceValue): string | undefined => {
  if (value === undefined || value.length < 24) return undefined;
  const isSigned = value[16] !== 0;
  const code = value[17] ?? 0;
  const x = isSigned ? value.readBigInt64LE(0) : value.readBigUInt64LE(0);
  const negative = negativeTexts[code];
  if (x < 0n && negative !== undefined) {
    const what = negative.replace('%', String(x));
    return `runtime error: ${code === 0 ? what : `slice bounds out of range ${what}`}`;
  }
  const text = boundsTexts[code]?.(String(x), String(value.readBigInt64LE(8)));
  return text === undefined ? undefined : `runtime error: ${text}`;
};

/** runtime.TypeAssertionError: three types and the name of a method that is missing. */
const assertionError = ({ value }: InterfaceValue, printing: Printing): string | undefined => {
  if (value === undefined || value.length < 40) return undefined;
  const [iface, concrete, asserted] = [0, 8, 16].map((at) => {
    const type = value.readBigUInt64LE(at);
    return type === 0n ? undefined : printing.typeName(type);
  });
  const wanted = asserted ?? '?';
  if (concrete === undefined) return `interface conversion: ${iface ?? 'interface'} is nil, not ${wanted}`;
  if (value.readBigInt64LE(32) === 0n)
    return `interface conversion: ${iface ?? 'interface'} is ${concrete}, not ${wanted}`;
  return `interface conversion: ${concrete} is not ${wanted}: missing method`;
};

/** Errors whose message is in their first field; Error() returns it, with what stands before. */
const knownErrors: Readonly<Record<string, string>> = {
  '*errors.errorString': '',
  '*fmt.wrapError': '',
  '*fmt.wrapErrors': '',
  'runtime.plainError': '',
  'runtime.errorString': 'runtime error: ',
  'runtime.errorAddressString': 'runtime error: ',
};

const knownError = (found: InterfaceValue, type: string, printing: Printing): string | undefined => {
  if (type === 'runtime.boundsError') return boundsError(found);
  if (type === '*runtime.TypeAssertionError') return assertionError(found, printing);
  if (type === '*runtime.PanicNilError') return 'panic called with nil argument (use GODEBUG=panicnil=1 to disable)';
  const prefix = knownErrors[type];
  const text = prefix === undefined ? undefined : stringOf(found);
  return text === undefined ? undefined : `${prefix}${text}`;
};

/** What could not be read is said in words. */
export const panicText = (
  found: InterfaceValue,
  printing: Printing,
): { readonly text: string; readonly type: string | undefined } => {
  if (found.type === 0n) return { text: 'nil', type: undefined };
  const type = printing.typeName(found.type);
  const kind = (found.descriptor?.[KIND_AT] ?? 0) & KIND_MASK;
  const error = type === undefined ? undefined : knownError(found, type, printing);
  if (error !== undefined) return { text: error, type };
  const plain = basic(found, kind, printing);
  const isBasic = kind === kinds.string || (kind >= kinds.bool && kind <= kinds.float64);
  if (isBasic && plain === undefined) return { text: `(${type ?? 'a value'} that could not be read)`, type };
  if (plain === undefined) return { text: `(${type ?? 'type unknown'}) ${hexWord(found.data)}`, type };
  if (type === undefined || unnamed.test(type)) return { text: plain, type };
  return { text: `${type}(${kind === kinds.string ? `"${plain}"` : plain})`, type };
};
