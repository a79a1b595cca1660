/** Go's string literals (language specification, "String literals"), read and written. */

export class LiteralError extends Error {
  override readonly name = 'LiteralError';
  constructor(
    readonly position: number,
    message: string,
  ) {
    super(message);
  }
}

const quotes = new Set(['"', "'", '`']);

export const startsLiteral = (text: string, at: number): boolean => quotes.has(text.charAt(at));

/**
 * Position after the string, rune or raw literal that begins at `at`. Throws LiteralError when it does not end; only raw
 * ones may span lines.
 */
export const skipLiteral = (text: string, at: number): number => {
  const quote = text.charAt(at);
  for (let next = at + 1; next < text.length; next++) {
    const character = text.charAt(next);
    if (character === quote) return next + 1;
    if (quote === '`') continue;
    if (character === '\n') break;
    if (character === '\\') next++;
  }
  throw new LiteralError(at, `The literal that begins here has no closing ${quote}`);
};

const simple: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\\', '\\'],
  ['"', '"'],
  ["'", "'"],
]);

/** Digits after \x, \u and \U. */
const digits: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

/**
 * A byte above 0x7f that an escape names is no character by itself. Where texts are bytes it is kept as half of a surrogate
 * pair, which no text has by itself, from this number on; `textBytes` makes it the byte again.
 */
const firstByte = 0xdc00;

/** The bytes of a value that `readLiteral` gave for bytes. */
export const textBytes = (value: string): Buffer =>
  Buffer.concat(
    [...value].map((character) => {
      const code = character.codePointAt(0) ?? 0;
      return code >= firstByte + 0x80 && code <= firstByte + 0xff
        ? Buffer.from([code - firstByte])
        : Buffer.from(character, 'utf8');
    }),
  );

const escapeAt = (text: string, at: number, bytes: boolean): { readonly value: string; readonly end: number } => {
  const letter = text.charAt(at + 1);
  const plain = simple.get(letter);
  if (plain !== undefined) return { value: plain, end: at + 2 };
  const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1))?.[0];
  const count = digits.get(letter);
  const written = count === undefined ? undefined : text.slice(at + 2, at + 2 + count);
  const code =
    octal !== undefined
      ? Number.parseInt(octal, 8)
      : written?.length === count && /^[0-9a-fA-F]+$/.test(written ?? '')
        ? Number.parseInt(written ?? '', 16)
        : undefined;
  if (code === undefined) throw new LiteralError(at, `Unknown escape sequence \\${letter}`);
  // \x and octal escapes are bytes; above 0x7f they would be parts of UTF-8, and a template is text.
  const isByte = octal !== undefined || letter === 'x';
  const isHalf = !isByte && code >= 0xd800 && code <= 0xdfff;
  if ((isByte && code > 0x7f && !bytes) || code > 0x10ffff || (isHalf && bytes))
    throw new LiteralError(at, 'This escape is not a character');
  const end = octal !== undefined ? at + 4 : at + 2 + (count ?? 0);
  if (isByte && code > 0x7f) return { value: String.fromCharCode(firstByte + code), end };
  // \u takes halves of surrogate pairs here, which Go does not: a text of JavaScript may hold one.
  return { value: letter === 'u' ? String.fromCharCode(code) : String.fromCodePoint(code), end };
};

/** The value of the "interpreted" or `raw` literal that begins at `at`; `bytes`: for `textBytes`. Throws LiteralError. */
export const readLiteral = (
  text: string,
  at: number,
  bytes = false,
): { readonly value: string; readonly end: number } => {
  const end = skipLiteral(text, at);
  // A raw literal drops carriage returns (language specification).
  if (text.charAt(at) === '`') return { value: text.slice(at + 1, end - 1).replaceAll('\r', ''), end };
  let value = '';
  for (let next = at + 1; next < end - 1; ) {
    if (text.charAt(next) === '\\') {
      const sequence = escapeAt(text, next, bytes);
      value += sequence.value;
      next = sequence.end;
    } else value += text.charAt(next++);
  }
  return { value, end };
};

const escaped: ReadonlyMap<string, string> = new Map(
  [...simple].filter(([letter]) => letter !== "'").map(([letter, value]): [string, string] => [value, `\\${letter}`]),
);

const isLoneSurrogate = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0;
  return code >= 0xd800 && code <= 0xdfff;
};

/** An interpreted literal that `readLiteral` turns back into `value`. */
export const writeLiteral = (value: string): string => {
  let text = '';
  for (const character of value) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f || isLoneSurrogate(character) || character === '"' || character === '\\') {
      text += escaped.get(character) ?? `\\u${code.toString(16).padStart(4, '0')}`;
    } else text += character;
  }
  return `"${text}"`;
};
