/**
 * Where x86-64 Linux keeps the current g, relative to the thread pointer (FS base): needed where a kernel tracepoint asks
 * which goroutine runs. It is -8 in plain programs and something else where C code brings thread-locals of its own, so it
 * is computed (ELF TLS variant II: symbol value - size of PT_TLS rounded up to its alignment) or read from code.
 */
import type { ElfImage } from '../elf/image.js';
import type { ElfSymbols } from '../elf/symbols.js';

const PT_TLS = 7;

/** For fixed-address programs only: where a shared library's block goes is the loader's choice. */
export const threadLocalFromSymbol = (image: ElfImage, symbols: ElfSymbols): number | undefined => {
  const fixed = image.machine === 'amd64' && !image.positionIndependent;
  const symbol = fixed ? symbols.find('runtime.tlsg') : undefined;
  const segment = image.segments.find((candidate) => candidate.type === PT_TLS);
  if (symbol === undefined || segment === undefined) return undefined;
  const alignment = Math.max(1, segment.alignment);
  return symbol.value - Math.ceil(segment.memorySize / alignment) * alignment;
};

/**
 * The displacement that runtime.mcall uses when it stores the new g: `mov %r14,%fs:disp32`, or in position-independent
 * programs `mov $disp32,%reg` and `mov %r14,%fs:(%reg)`. Undefined where it takes the number from the GOT (c-shared), which
 * only the loader knows, and where the instructions disagree.
 */
export const threadLocalFromCode = (code: Uint8Array): number | undefined => {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const found = new Set<number | undefined>();
  for (let at = 0; at + 4 <= code.length; at++) {
    // FS prefix, REX.W, MOV to or from memory.
    if (code[at] !== 0x64 || ((code[at + 1] ?? 0) & 0xf8) !== 0x48) continue;
    if (code[at + 2] !== 0x89 && code[at + 2] !== 0x8b) continue;
    const modrm = code[at + 3] ?? 0;
    if ((modrm & 0xc7) === 0x04 && code[at + 4] === 0x25 && at + 9 <= code.length)
      found.add(view.getInt32(at + 5, true));
    else if ((modrm & 0xc0) === 0) found.add(immediateBefore(view, at, (modrm & 7) | (((code[at + 1] ?? 0) & 1) << 3)));
  }
  const [only] = found;
  return found.size === 1 ? only : undefined;
};

/** `mov $imm32,%reg` (REX.W C7 /0, 7 bytes) right before `at`. */
const immediateBefore = (code: DataView, at: number, register: number): number | undefined => {
  const start = at - 7;
  if (start < 0 || code.getUint8(start + 1) !== 0xc7) return undefined;
  const rex = code.getUint8(start);
  const modrm = code.getUint8(start + 2);
  const target = (modrm & 7) | ((rex & 1) << 3);
  if ((rex & 0xfe) !== 0x48 || (modrm & 0xf8) !== 0xc0 || target !== register) return undefined;
  return code.getInt32(start + 3, true);
};
