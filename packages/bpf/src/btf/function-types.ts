import { btfKind } from './raw.js';

/** A subprogram of a BPF program, by its first instruction. */
export interface ProgramFunction {
  readonly slot: number;
  readonly name: string;
}

const headerBytes = 24;
/** BTF_INT_SIGNED in the encoding byte, 32 bits. */
const signedInt32 = (1 << 24) | 32;

/**
 * The smallest BTF that names functions: one `int (void)` for all. The kernel wants it of programs that pass a
 * subprogram to a helper ("missing btf func_info"), and shows the names. Type numbers of the functions are 3, 4, ...
 */
export function functionTypes(functions: readonly ProgramFunction[]): Uint8Array {
  const names = ['int', ...functions.map(({ name }) => identifier(name))];
  const strings = Buffer.from(`\0${names.join('\0')}\0`, 'latin1');
  const offsets: number[] = [];
  let at = 1;
  for (const name of names) {
    offsets.push(at);
    at += name.length + 1;
  }
  const types: number[] = [offsets[0] ?? 0, btfKind.int << 24, 4, signedInt32, 0, btfKind.funcProto << 24, 1];
  // Linkage BTF_FUNC_STATIC, 0: checked where it is called, as the rest of the program.
  for (const offset of offsets.slice(1)) types.push(offset, btfKind.func << 24, 2);
  const bytes = new Uint8Array(headerBytes + types.length * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  bytes[2] = 1;
  const header = [headerBytes, 0, types.length * 4, types.length * 4, strings.length];
  for (const [index, word] of header.entries()) view.setUint32(4 + index * 4, word, true);
  for (const [index, word] of types.entries()) view.setUint32(headerBytes + index * 4, word, true);
  bytes.set(strings, headerBytes + types.length * 4);
  return bytes;
}

export const firstFunctionType = 3;

/** A name of the C language, which the kernel insists on. */
const identifier = (name: string): string => name.replaceAll(/\W/g, '_').replace(/^(?=\d|$)/, '_');
