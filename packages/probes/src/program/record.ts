/**
 * The record that a program writes into the ring buffer for one event. Little endian, 8-byte aligned, of one fixed size
 * per probe; the reader decodes it with the layout below and never needs the program.
 *
 *     0  u32 probe id            4  u32 flags
 *     8  u64 number              among the hits of this probe that passed its condition, from 1
 *    16  u64 time                CLOCK_MONOTONIC, nanoseconds
 *    24  u64 pid and tid         thread-group id << 32 | thread id
 *    32  u64 goroutine id        0 outside a goroutine
 *    40  u32 cpu                44  u32 bit i set: capture i could not be read
 *    48  u64 site                index into the plan's sites (0 when it has one)
 *    56  captures in the plan's order; those without a place take no room
 *
 * After the captures, in snapshots and halts only: u64 word at the stack pointer (the return address before a frame is made), u64
 * bytes of the stack that follow and count (or a negative errno), then room for `stackFrames` u64 addresses, innermost
 * first; at events of the kernel behind that u64 mm->end_code, which says where the program lies.
 *
 * A capture is 8 bytes (integers already extended to 64 bits, booleans 0 or 1, bits of floats, addresses), or for
 * strings: u32 true length (saturated), u32 bytes that follow and count, then `limit` bytes rounded up to 8. A capture of
 * several parts: u64 bit i set: part i could not be read, then the parts, each a word or a block laid out as a string.
 */
import type { CapturePart, CaptureShape, PlannedCapture } from '../plan/plan.js';

export const recordFlags = { faulted: 1, trapped: 2, goroutineUnknown: 4 } as const;

/** From this bit of the flags on: the id of the kernel event's probe because of which a gate fired, or 0. */
export const becauseShift = 8;

export const recordOffsets = {
  probe: 0,
  flags: 4,
  number: 8,
  time: 16,
  pidTid: 24,
  goroutine: 32,
  cpu: 40,
  captureFaults: 44,
  site: 48,
  captures: 56,
} as const;

/** One bit each in the record's fault word. */
export const maximumCaptures = 32;

/** Bytes of one string at most: a record stays well below a page, so that a burst fits the ring. */
export const maximumStringLimit = 1024;

/** Callers that a snapshot carries at most. */
export const stackFrames = 32;

/** Programs are loaded at multiples of a page, and pages are no smaller. Bytes. */
export const smallestPage = 4096;

export interface RecordLayout {
  /** Whole record, bytes, a multiple of 8. */
  readonly size: number;
  /** Where the stack of a snapshot is; undefined without one. */
  readonly stack: number | undefined;
  /** Of the word behind it that says where the program lies; undefined where the planned sites do. */
  readonly codeEnd: number | undefined;
  /** Offset of each capture of the plan; undefined for those that have no place to read from. */
  readonly captures: readonly (number | undefined)[];
}

const roundUp = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Bytes that a part takes. */
const partSize = ({ length, limit }: CapturePart): number => (length === undefined ? 8 : 8 + roundUp(limit));

/** Where each part lies behind the beginning of its capture, and what all of it takes. Bytes. */
export const partLayout = (
  parts: readonly CapturePart[],
): { readonly offsets: readonly number[]; readonly size: number } => {
  let size = 8;
  const offsets = parts.map((part) => {
    const at = size;
    size += partSize(part);
    return at;
  });
  return { offsets, size };
};

/** Bytes at most of what is read as a block of memory. */
export const blockLimit = (shape: CaptureShape): number | undefined =>
  shape.kind === 'string' || shape.kind === 'bytes' ? shape.limit : undefined;

/** Bytes that a capture takes in the record. */
export const captureSize = (capture: PlannedCapture): number => {
  if (capture.parts !== undefined) return partLayout(capture.parts).size;
  if (capture.value === undefined) return 0;
  const limit = blockLimit(capture.shape);
  return limit === undefined ? 8 : 8 + roundUp(limit);
};

export const recordLayout = (
  captures: readonly PlannedCapture[],
  withStack = false,
  withCodeEnd = false,
): RecordLayout => {
  let size: number = recordOffsets.captures;
  const offsets = captures.map((capture) => {
    const bytes = captureSize(capture);
    if (bytes === 0) return undefined;
    const at = size;
    size += bytes;
    return at;
  });
  if (!withStack) return { size, stack: undefined, codeEnd: undefined, captures: offsets };
  const end = size + 16 + stackFrames * 8;
  return { size: withCodeEnd ? end + 8 : end, stack: size, codeEnd: withCodeEnd ? end : undefined, captures: offsets };
};

/** What a record has of a stack: the addresses, innermost first, and the word that was at the stack pointer. */
export interface RecordedStack {
  readonly top: bigint;
  readonly addresses: readonly bigint[];
  /** The helper's errno; 0 where there is a stack. */
  readonly errno: number;
}

export const readStack = (view: DataView, offset: number): RecordedStack => {
  const bytes = Number(view.getBigInt64(offset + 8, true));
  const count = Math.min(Math.max(bytes, 0) / 8, stackFrames);
  const addresses = Array.from({ length: count }, (_, index) => view.getBigUint64(offset + 16 + index * 8, true));
  return { top: view.getBigUint64(offset, true), addresses, errno: Math.max(0, -bytes) };
};

/** struct bpf_ringbuf_hdr before each record, and the bits of its first word: kernel/bpf/ringbuf.c. */
const headerBytes = 8;
const discardBit = 0x40000000;
const lengthMask = 0x3fffffff;

/** Walks records as they lay in the ring, each behind its header and padded to 8 bytes. Stops where they are cut short. */
export const forEachRecord = (view: DataView, onRecord: (offset: number, length: number) => void): void => {
  let at = 0;
  while (at + headerBytes <= view.byteLength) {
    const header = view.getUint32(at, true);
    const length = header & lengthMask;
    const offset = at + headerBytes;
    at = offset + ((length + 7) & ~7);
    if (at > view.byteLength) return;
    if ((header & discardBit) === 0 && length >= recordOffsets.captures) onRecord(offset, length);
  }
};

export interface RecordHeader {
  readonly probe: number;
  readonly faulted: boolean;
  readonly trapped: boolean;
  readonly goroutineUnknown: boolean;
  /** Probe of a kernel event because of which this gate fired (program/armed-thread.ts); 0: by itself. */
  readonly because: number;
  readonly number: number;
  readonly time: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly goroutine: bigint;
  readonly cpu: number;
  readonly captureFaults: number;
  readonly site: number;
}

/** The fixed part of the record at `offset`. */
export const readRecordHeader = (view: DataView, offset: number): RecordHeader => {
  const flags = view.getUint32(offset + recordOffsets.flags, true);
  return {
    probe: view.getUint32(offset + recordOffsets.probe, true),
    faulted: (flags & recordFlags.faulted) !== 0,
    trapped: (flags & recordFlags.trapped) !== 0,
    goroutineUnknown: (flags & recordFlags.goroutineUnknown) !== 0,
    because: flags >>> becauseShift,
    number: Number(view.getBigUint64(offset + recordOffsets.number, true)),
    time: view.getBigUint64(offset + recordOffsets.time, true),
    tid: view.getUint32(offset + recordOffsets.pidTid, true),
    pid: view.getUint32(offset + recordOffsets.pidTid + 4, true),
    goroutine: view.getBigUint64(offset + recordOffsets.goroutine, true),
    cpu: view.getUint32(offset + recordOffsets.cpu, true),
    captureFaults: view.getUint32(offset + recordOffsets.captureFaults, true),
    site: Number(view.getBigUint64(offset + recordOffsets.site, true)),
  };
};
