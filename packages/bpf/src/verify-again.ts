/** Somebody else's program before the verifier once more, to learn why it was refused. */
import { Attr } from './attr.js';
import { bpfCommand } from './bpf-command.js';
import { instructionBytes } from './isa.js';
import { openBtf, openMap } from './object-info.js';
import { bpfCall, closeDescriptor, withoutSignals } from './syscall.js';

export interface VerifyAgain {
  /** union bpf_attr of the first attempt. Its descriptors and pointers are replaced. */
  readonly attributes: Uint8Array;
  readonly instructions: Uint8Array;
  readonly license: string;
  /** Records of function and line information; both or neither, and only with the types they are about. */
  readonly information: { readonly functions: Uint8Array; readonly lines: Uint8Array } | undefined;
  /** Kernel ids of what a descriptor of the first attempt names; undefined where it is closed or something else. */
  readonly mapOf: (descriptor: number) => number | undefined;
  readonly btfOf: (descriptor: number) => number | undefined;
}

export type VerifiedAgain =
  /** 0: this time it was accepted (and let go at once). */
  | { readonly done: true; readonly errno: number; readonly log: string; readonly cut: boolean }
  /** A sentence. */
  | { readonly done: false; readonly reason: string };

/** Offsets in union bpf_attr for BPF_PROG_LOAD. */
const at = {
  instructions: 8,
  license: 16,
  logLevel: 24,
  logSize: 28,
  logBuffer: 32,
  btf: 72,
  functions: 80,
  functionCount: 88,
  lines: 96,
  lineCount: 104,
  attachBtf: 108,
  attachTo: 112,
  relocations: 116,
  descriptors: 120,
} as const;

/** BPF_LD | BPF_IMM | BPF_DW with a descriptor of a map, or of a map whose value is meant: BPF_PSEUDO_MAP_FD, _VALUE. */
const loadWide = 0x18;
const namesMap: ReadonlySet<number> = new Set([1, 2]);
/** BPF_PSEUDO_MAP_IDX and _IDX_VALUE count in an array of the first attempt's. */
const namesIndex: ReadonlySet<number> = new Set([5, 6]);

const logBytes = 1024 * 1024;

class Impossible extends Error {}

/** Never leaves anything open. Throws KernelError. */
export function verifyAgain(request: VerifyAgain): VerifiedAgain {
  const opened: number[] = [];
  try {
    return attempt(request, opened);
  } catch (error) {
    if (error instanceof Impossible) return { done: false, reason: error.message };
    throw error;
  } finally {
    for (const fd of opened) closeDescriptor(fd);
  }
}

function attempt(request: VerifyAgain, opened: number[]): VerifiedAgain {
  const bytes = request.attributes;
  const attr = new Attr(bytes.length);
  attr.bytes.set(bytes);
  if (attr.getU64(at.descriptors) !== 0n || attr.getU32(at.relocations) !== 0)
    throw new Impossible('it is loaded with an array of descriptors or with relocations, which are not repeated');
  if (attr.getU32(at.attachTo) !== 0 && attr.getU32(at.attachBtf) === 0)
    throw new Impossible('it extends another program, which is not repeated');
  if (attr.getU32(at.attachTo) !== 0) throw new Impossible('it is for a type of a module, which is not repeated');
  const log = new Uint8Array(logBytes);
  attr
    .pointer(at.instructions, withOwnMaps(request, opened))
    .text(at.license, request.license)
    .u32(at.logLevel, 1)
    .u32(at.logSize, log.length)
    .pointer(at.logBuffer, log);
  information(request, attr, opened);
  const result = withoutSignals(() => bpfCall(bpfCommand.programLoad, attr));
  if (result >= 0) closeDescriptor(result);
  const end = log.indexOf(0);
  const text = Buffer.from(log.buffer, 0, end < 0 ? log.length : end).toString('utf8');
  // Linux >= 6.4 keeps the end of a log that is too long and answers ENOSPC.
  return { done: true, errno: Math.max(0, -result), log: text, cut: result === -ENOSPC };
}

const ENOSPC = 28;

function withOwnMaps({ instructions, mapOf }: VerifyAgain, opened: number[]): Uint8Array {
  const own = new Uint8Array(instructions);
  const view = new DataView(own.buffer);
  for (let offset = 0; offset + 2 * instructionBytes <= own.length; offset += instructionBytes) {
    if (own[offset] !== loadWide) continue;
    const source = (own[offset + 1] ?? 0) >> 4;
    if (namesIndex.has(source)) throw new Impossible('it names maps by their place in an array, which is not repeated');
    if (namesMap.has(source)) {
      const descriptor = view.getInt32(offset + 4, true);
      const id = mapOf(descriptor);
      const fd = id === undefined ? undefined : openMap(id);
      if (fd === undefined) throw new Impossible(`the map behind its descriptor ${descriptor} is gone`);
      opened.push(fd);
      view.setInt32(offset + 4, fd, true);
    }
    // The second half is no instruction.
    offset += instructionBytes;
  }
  return own;
}

/** Types, functions and lines; without all three it is verified without any. */
function information(request: VerifyAgain, attr: Attr, opened: number[]): void {
  const descriptor = attr.getU32(at.btf);
  const id = descriptor === 0 || request.information === undefined ? undefined : request.btfOf(descriptor);
  const fd = id === undefined ? undefined : openBtf(id);
  if (fd === undefined || request.information === undefined) {
    attr.u32(at.btf, 0).u32(at.functionCount, 0).u32(at.lineCount, 0).u64(at.functions, 0).u64(at.lines, 0);
    return;
  }
  opened.push(fd);
  attr.u32(at.btf, fd);
  const { functions, lines } = request.information;
  if (functions.length > 0) attr.pointer(at.functions, functions);
  if (lines.length > 0) attr.pointer(at.lines, lines);
}
