/**
 * Compressed sections: SHF_COMPRESSED with zlib or zstd (ELF gABI, Elf64_Chdr), and the older `.zdebug_*` with "ZLIB" and
 * a big-endian size (what Go's linker wrote up to 1.18).
 */
import { inflateSync } from 'node:zlib';
import { decompress } from 'fzstd';
import type { Bytes } from '../bytes.js';
import { FormatError } from '../errors.js';

const ZLIB = 1;
const ZSTD = 2;
/** DWARF of the largest Go programs is some hundred MB; a header may claim anything. */
const LARGEST_SECTION = 1024 * 1024 * 1024;
/** deflate cannot do better than 1032:1, so a larger claim is a lie; zstd may, on data no compiler writes. */
const HIGHEST_RATIO = 1100;

const bad = (section: string, why: string, cause?: unknown): FormatError =>
  new FormatError('bad-compression', `section ${section} cannot be decompressed: ${why}; build the program again`, {
    cause,
  });

export const decompressSection = (name: string, bytes: Bytes, bits: 32 | 64): Uint8Array => {
  const wide = bits === 64;
  const start = wide ? 24 : 12;
  const kind = bytes.u32(0);
  const size = wide ? bytes.u64(8) : bytes.u32(4);
  const packed = bytes.slice(start, bytes.length - start);
  if (kind === ZLIB) return inflated(name, packed, size);
  if (kind === ZSTD) return unzstd(name, packed, size);
  throw bad(name, `its compression ${kind} is neither zlib nor zstd`);
};

/** Contents of a `.zdebug_*` section. */
export const decompressOld = (name: string, bytes: Bytes): Uint8Array => {
  if (bytes.u32(0) !== (bytes.littleEndian ? 0x42494c5a : 0x5a4c4942)) return bytes.data;
  const high = new DataView(bytes.data.buffer, bytes.data.byteOffset, bytes.data.byteLength);
  bytes.need(4, 8);
  const size = high.getUint32(4) * 0x1_0000_0000 + high.getUint32(8);
  return inflated(name, bytes.slice(12, bytes.length - 12), size);
};

const checkSize = (name: string, size: number, packed: number): void => {
  if (size <= LARGEST_SECTION && size <= packed * HIGHEST_RATIO + 4096) return;
  throw bad(name, `it claims ${size} bytes from ${packed}`);
};

const inflated = (name: string, packed: Uint8Array, size: number): Uint8Array => {
  checkSize(name, size, packed.length);
  let out: Uint8Array;
  try {
    // In one piece, which spares joining hundreds (a quarter of the time); no larger than DWARF is ever packed, though.
    const chunkSize = Math.max(64, Math.min(size, packed.length * 16));
    out = inflateSync(packed, { maxOutputLength: Math.max(1, size), chunkSize });
  } catch (cause) {
    throw bad(name, 'its zlib data is damaged', cause);
  }
  if (out.length !== size) throw bad(name, `it gave ${out.length} bytes instead of ${size}`);
  return out;
};

const unzstd = (name: string, packed: Uint8Array, size: number): Uint8Array => {
  checkSize(name, size, packed.length);
  const promised = zstdContentSize(packed);
  if (promised !== undefined && promised !== size) throw bad(name, `it holds ${promised} bytes instead of ${size}`);
  // Given its output, fzstd 0.1.1 neither allocates a window as large as the data claims nor says how much it wrote.
  const out = new Uint8Array(size);
  try {
    decompress(packed, out);
  } catch (cause) {
    throw bad(name, 'its zstd data is damaged', cause);
  }
  return out;
};

/** Frame_Content_Size (RFC 8878, 3.1.1.1), which linkers always write; undefined where the frame leaves it out. */
const zstdContentSize = (frame: Uint8Array): number | undefined => {
  if (frame.length < 18) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const descriptor = view.getUint8(4);
  const single = (descriptor & 0x20) !== 0;
  const at = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  switch (descriptor >>> 6) {
    case 0:
      return single ? view.getUint8(at) : undefined;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
};
