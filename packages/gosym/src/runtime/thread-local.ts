/**
 * Where x86-64 Linux keeps the current g, relative to the thread pointer (FS base): needed where a kernel tracepoint asks
 * which goroutine runs. It is -8 in plain programs and something else where C code brings thread-locals of its own, so it
 * is computed (ELF TLS variant II: symbol value - size of PT_TLS rounded up to its alignment) or read from code.
 */
import type { ElfImage } from '../elf/image.js';
import { threadLocalRelocation } from '../elf/relocations.js';
import type { ElfSymbols } from '../elf/symbols.js';

const PT_TLS = 7;

/** For fixed-address programs only: where a shared library's block goes is the loader's choice. */
export const threadLocalFromSymbol = (image: ElfImage, symbols: ElfSymbols): number | undefined => {
  const fixed = image.machine === 'amd64' && !image.positionIndependent;
  const symbol = fixed ? symbols.find('runtime.tlsg') : undefined;
  return symbol === undefined ? undefined : fromThreadPointer(image, symbol.value);
};

/** Variant II: the block of the program ends at the thread pointer. */
const fromThreadPointer = (image: ElfImage, offset: number): number | undefined => {
  const segment = image.segments.find((candidate) => candidate.type === PT_TLS);
  if (segment === undefined) return undefined;
  const alignment = Math.max(1, segment.alignment);
  return offset - Math.ceil(segment.memorySize / alignment) * alignment;
};

/** For threadLocalFromCode: what the loader writes into a GOT word of a program that may be loaded anywhere. */
export const threadLocalFromGot = (image: ElfImage, place: number): number | undefined => {
  const offset = threadLocalRelocation(image, place);
  return offset === undefined ? undefined : fromThreadPointer(image, offset);
};

/**
 * The displacement that runtime.mcall uses when it stores the new g: `mov %r14,%fs:disp32`, or in position-independent
 * programs `mov $disp32,%reg` (or from the GOT, `mov disp32(%rip),%reg`) and `mov %r14,%fs:(%reg)`. `got` answers what the
 * loader writes at an address. Undefined where only the loader knows (c-shared), and where the instructions disagree.
 */
export const threadLocalFromCode = (
  code: Uint8Array,
  address = 0,
  got: (place: number) => number | undefined = () => undefined,
): number | undefined => {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const found = new Set<number | undefined>();
  for (let at = 0; at + 4 <= code.length; at++) {
    // FS prefix, REX.W, MOV to or from memory.
    if (code[at] !== 0x64 || ((code[at + 1] ?? 0) & 0xf8) !== 0x48) continue;
    if (code[at + 2] !== 0x89 && code[at + 2] !== 0x8b) continue;
    const modrm = code[at + 3] ?? 0;
    const register = (modrm & 7) | (((code[at + 1] ?? 0) & 1) << 3);
    const absolute = (modrm & 0xc7) === 0x04 && code[at + 4] === 0x25 && at + 9 <= code.length;
    if (absolute) found.add(view.getInt32(at + 5, true));
    else if ((modrm & 0xc0) === 0)
      found.add(immediateBefore(view, at, register) ?? loadBefore(view, at, register, address, got));
  }
  const [only] = found;
  return found.size === 1 ? only : undefined;
};

/** Both moves that may stand right before `at` take 7 bytes. */
const MOVE_BYTES = 7;

/** `mov $imm32,%reg` (REX.W C7 /0). */
const immediateBefore = (code: DataView, at: number, register: number): number | undefined => {
  const start = at - MOVE_BYTES;
  if (start < 0 || code.getUint8(start + 1) !== 0xc7) return undefined;
  const rex = code.getUint8(start);
  const modrm = code.getUint8(start + 2);
  const target = (modrm & 7) | ((rex & 1) << 3);
  if ((rex & 0xfe) !== 0x48 || (modrm & 0xf8) !== 0xc0 || target !== register) return undefined;
  return code.getInt32(start + 3, true);
};

/** `mov disp32(%rip),%reg` (REX.W 8B /r, mod 0, rm 5). */
const loadBefore = (
  code: DataView,
  at: number,
  register: number,
  address: number,
  got: (place: number) => number | undefined,
): number | undefined => {
  const start = at - MOVE_BYTES;
  if (start < 0 || code.getUint8(start + 1) !== 0x8b) return undefined;
  const rex = code.getUint8(start);
  const modrm = code.getUint8(start + 2);
  const target = ((modrm >> 3) & 7) | ((rex & 4) << 1);
  if ((rex & 0xfb) !== 0x48 || (modrm & 0xc7) !== 0x05 || target !== register) return undefined;
  return got(address + at + code.getInt32(start + 3, true));
};
