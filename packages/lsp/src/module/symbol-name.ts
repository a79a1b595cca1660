/** From a declaration in the source to the name that the linker gives it. */
import type { SourceFunction } from '../source/functions.js';

const hexDigits = '0123456789abcdef';

/**
 * How import paths appear in symbol names: dots of the last element and odd bytes are percent-encoded
 * (cmd/internal/objabi/path.go, PathToPrefix, unchanged since Go 1.0).
 */
export function escapeImportPath(path: string): string {
  const bytes = Buffer.from(path);
  const slash = bytes.lastIndexOf(0x2f);
  let result = '';
  bytes.forEach((byte, index) => {
    const odd = byte <= 0x20 || byte === 0x25 || byte === 0x22 || byte >= 0x7f || (byte === 0x2e && index > slash);
    result += odd ? `%${hexDigits[byte >> 4]}${hexDigits[byte & 15]}` : String.fromCharCode(byte);
  });
  return result;
}

/**
 * The name without type arguments: "main.(*Box[go.shape.int]).Get" becomes "main.(*Box).Get". Brackets nest, and an
 * import path has none.
 */
export function withoutTypeArguments(name: string): string {
  if (!name.includes('[')) return name;
  let depth = 0;
  let result = '';
  for (const character of name) {
    if (character === '[') depth++;
    else if (character === ']') depth--;
    else if (depth === 0) result += character;
  }
  return result;
}

/**
 * Symbol without type arguments. Undefined for `_`, which is never compiled, and for `init`, whose number depends on
 * the other files of its package.
 */
export function symbolOf(packagePrefix: string, declaration: SourceFunction): string | undefined {
  const { name, receiver } = declaration;
  if (name === '_' || declaration.initOrdinal !== undefined) return undefined;
  if (receiver === undefined) return `${packagePrefix}.${name}`;
  return receiver.pointer
    ? `${packagePrefix}.(*${receiver.type}).${name}`
    : `${packagePrefix}.${receiver.type}.${name}`;
}
