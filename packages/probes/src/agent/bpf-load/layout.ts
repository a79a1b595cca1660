/**
 * What the two programs at sys_enter_bpf and sys_exit_bpf hand on: the first to the second through a map, the second to
 * the reader through the ring. Little endian. A system call comes as chunks of bytes first and one record of kind "call"
 * last, all with the same number; each begins with the header of program/record.ts.
 */
import { type RecordLayout, recordOffsets, stackFrames } from '../../program/record.js';

/** Bytes of union bpf_attr that are looked at: all that Linux 6.18 knows of BPF_PROG_LOAD. */
export const attributeBytes = 152;

/** Value of the map from thread to the system call that it is in. */
export const pending = {
  time: 0,
  command: 8,
  /** Where the attributes are in the program's memory. */
  pointer: 16,
  /** Their size as the program says. */
  size: 24,
  /** Not 0: they could not be read at the entry. */
  unread: 32,
  attributes: 40,
} as const;
export const pendingBytes = pending.attributes + attributeBytes;

export const recordKinds = { call: 0, instructions: 1, log: 2 } as const;

const start = recordOffsets.captures;

/** Behind the header: which kind of record. */
export const kindOffset = start;

export const chunk = {
  /** Place of the bytes in what they are of. */
  position: start + 8,
  /** How many there are. */
  length: start + 16,
  data: start + 24,
} as const;

export const chunkBytes = 8192;
/** Where all of it is no longer than that: bursts are of small programs, and the ring's room is what they run out of. */
export const smallChunkBytes = 512;

export const call = {
  /** What the system call returned. */
  result: start + 8,
  /** CLOCK_MONOTONIC at its entry, nanoseconds. */
  entered: start + 16,
  command: start + 24,
  pointer: start + 32,
  size: start + 40,
  flags: start + 48,
  /** Kernel id of the object that the result names, 0 where it is not known. */
  object: start + 56,
  /** Kernel id of the program that the attributes name. */
  program: start + 64,
  tag: start + 72,
  logSize: start + 80,
  license: start + 88,
  name: start + 104,
  /** Words of what may be the current g, one for each place where a Go release has had the goroutine's id. */
  guesses: start + 168,
  /** Name of the thread. */
  comm: start + 184,
  attributes: start + 200,
} as const;
/** offsetof(runtime.g, goid) of Go >= 1.9, and of 1.23 and 1.24; gosym, runtime/goid-table.ts. */
export const guessedOffsets: readonly number[] = [152, 160];
/** Of the current g from the thread pointer in programs whose C has no thread-locals. */
export const guessedTls = -8;
export const licenseBytes = call.name - call.license;
export const nameBytes = call.guesses - call.name;
/** TASK_COMM_LEN, include/linux/sched.h. */
export const commBytes = 16;
const plainBytes = call.attributes + attributeBytes;
const callersEnd = plainBytes + 16 + stackFrames * 8;

/** Of a call's last record; with `callers` as in program/record.ts, where they are asked for. */
export const callLayout = (callers: boolean): RecordLayout =>
  callers
    ? { size: callersEnd + 8, stack: plainBytes, codeEnd: callersEnd, captures: [] }
    : { size: plainBytes, stack: undefined, codeEnd: undefined, captures: [] };

export const callFlags = {
  /** The attributes could be read neither at the entry nor at the exit. */
  unread: 1,
  /** No room in the ring for instructions or log, or their memory could not be read. */
  instructionsLost: 2,
  logLost: 4,
} as const;

/** enum bpf_cmd, include/uapi/linux/bpf.h. */
export const commands = {
  mapCreate: 0,
  programLoad: 5,
  attach: 8,
  detach: 9,
  rawTracepoint: 17,
  linkCreate: 28,
  linkUpdate: 29,
  linkDetach: 34,
} as const;

/** Instructions and log are taken in so many chunks; of a longer log the end, where the reason is. */
export const instructionChunks = 4;
export const logChunks = 12;
/** The reader of texts stops at the NUL or one byte short of its room. */
export const logChunkBytes = chunkBytes - 1;
