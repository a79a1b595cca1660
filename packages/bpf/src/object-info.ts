/** What the kernel knows of programs, maps and links, whoever made them: by id, through BPF_OBJ_GET_INFO_BY_FD. */
import { Attr } from './attr.js';
import { bpfCommand } from './bpf-command.js';
import { instructionBytes } from './isa.js';
import { linkTypeNames, mapTypeNames, nameOf, programTypeNames } from './object-names.js';
import { type KernelCall, refusal } from './refusal.js';
import { bpfCall, closeDescriptor } from './syscall.js';

const ENOENT = 2;

export interface ProgramInfo {
  readonly id: number;
  /** "socket_filter", "xdp", ... as bpftool prints it. */
  readonly type: string;
  /** 16 hexadecimal digits: a hash of the instructions. */
  readonly tag: string;
  readonly name: string;
  /** CLOCK_BOOTTIME, nanoseconds. */
  readonly loadTime: bigint;
  readonly uid: number;
  readonly gplCompatible: boolean;
  /** Bytes after the verifier has rewritten the program. */
  readonly translatedBytes: number;
  /** Bytes of machine code; 0 where the kernel interprets. */
  readonly jitedBytes: number;
  readonly mapIds: readonly number[];
  /** 0: none. */
  readonly btfId: number;
  /** Source lines that the kernel keeps for it. */
  readonly lines: number;
  /** Instructions that the verifier walked; 0 before Linux 5.16. */
  readonly verifiedInstructions: number;
}

export interface MapInfo {
  readonly id: number;
  readonly type: string;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

export interface LinkInfo {
  readonly id: number;
  readonly type: string;
  readonly programId: number;
}

/** struct bpf_prog_info, struct bpf_map_info, struct bpf_link_info: include/uapi/linux/bpf.h. Older kernels fill less. */
const [programInfoBytes, mapInfoBytes, linkInfoBytes] = [232, 88, 64];

/** More maps than a program can use (MAX_USED_MAPS is 64), and more code than the verifier takes. */
const [mostMaps, mostTranslatedBytes] = [1024, 64 * 1024 * 1024];

/** Undefined when the object is gone. The caller closes what it gets. */
function openById(command: number, call: KernelCall, id: number, subject: string): number | undefined {
  const fd = bpfCall(command, new Attr(12).u32(0, id));
  if (fd === -ENOENT) return undefined;
  if (fd < 0) throw refusal(call, -fd, subject);
  return fd;
}

const programById = (id: number): number | undefined =>
  openById(bpfCommand.programById, 'BPF_PROG_GET_FD_BY_ID', id, `the program ${id}`);

/** A descriptor of our own for somebody's map or BTF; undefined when it is gone. The caller closes it. */
export const openMap = (id: number): number | undefined =>
  openById(bpfCommand.mapById, 'BPF_MAP_GET_FD_BY_ID', id, `the map ${id}`);
export const openBtf = (id: number): number | undefined =>
  openById(bpfCommand.btfById, 'BPF_BTF_GET_FD_BY_ID', id, `the BTF ${id}`);

function fillInfo(fd: number, info: Attr, subject: string): Attr {
  // bpf_fd 0, info_len 4, info 8.
  const result = bpfCall(
    bpfCommand.objectInfo,
    new Attr(16).u32(0, fd).u32(4, info.bytes.length).pointer(8, info.bytes),
  );
  if (result < 0) throw refusal('BPF_OBJ_GET_INFO_BY_FD', -result, subject);
  return info;
}

function using<T>(fd: number | undefined, read: (fd: number) => T): T | undefined {
  if (fd === undefined) return undefined;
  try {
    return read(fd);
  } finally {
    closeDescriptor(fd);
  }
}

const text = (info: Attr, offset: number): string => {
  const bytes = Buffer.from(info.bytes.buffer, info.bytes.byteOffset + offset, 16);
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? 16 : end);
};

/** Undefined when the program is gone. Throws KernelError. */
export const programInfo = (id: number): ProgramInfo | undefined =>
  using(programById(id), (fd) => {
    const subject = `the program ${id}`;
    // First without room for anything, to learn how much there is: nr_map_ids is at 52, map_ids at 56.
    const count = Math.min(fillInfo(fd, new Attr(programInfoBytes), subject).getU32(52), mostMaps);
    const ids = new Uint8Array(count * 4);
    const asked = new Attr(programInfoBytes).u32(52, count);
    if (count > 0) asked.pointer(56, ids);
    const info = fillInfo(fd, asked, subject);
    const view = new DataView(ids.buffer);
    return {
      id,
      type: nameOf(programTypeNames, info.getU32(0)),
      tag: Buffer.from(info.bytes.subarray(8, 16)).toString('hex'),
      name: text(info, 64),
      loadTime: info.getU64(40),
      uid: info.getU32(48),
      gplCompatible: (info.getU32(84) & 1) !== 0,
      translatedBytes: info.getU32(20),
      jitedBytes: info.getU32(16),
      mapIds: Array.from({ length: Math.min(count, info.getU32(52)) }, (_, index) => view.getUint32(index * 4, true)),
      btfId: info.getU32(128),
      lines: info.getU32(148),
      verifiedInstructions: info.getU32(216),
    };
  });

/**
 * The instructions as the verifier left them, in the form that user space may see: map references hold map ids, calls of
 * helpers their distance from __bpf_call_base. Undefined when the program is gone, empty where the kernel shows none.
 */
export const translatedInstructions = (id: number): Uint8Array | undefined =>
  using(programById(id), (fd) => {
    const subject = `the program ${id}`;
    const size = Math.min(fillInfo(fd, new Attr(programInfoBytes), subject).getU32(20), mostTranslatedBytes);
    const code = new Uint8Array(size - (size % instructionBytes));
    if (code.length === 0) return code;
    // xlated_prog_len at 20, xlated_prog_insns at 32; the kernel clears the pointer where it may not show them.
    const info = fillInfo(fd, new Attr(programInfoBytes).u32(20, code.length).pointer(32, code), subject);
    return info.getU64(32) === 0n ? new Uint8Array(0) : code;
  });

/** Undefined when the map is gone. Throws KernelError. */
export const mapInfo = (id: number): MapInfo | undefined =>
  using(openMap(id), (fd) => {
    const info = fillInfo(fd, new Attr(mapInfoBytes), `the map ${id}`);
    return {
      id,
      type: nameOf(mapTypeNames, info.getU32(0)),
      name: text(info, 24),
      keySize: info.getU32(8),
      valueSize: info.getU32(12),
      maxEntries: info.getU32(16),
      flags: info.getU32(20),
    };
  });

/** Undefined when the link is gone. Throws KernelError. */
export const linkInfo = (id: number): LinkInfo | undefined =>
  using(openById(bpfCommand.linkById, 'BPF_LINK_GET_FD_BY_ID', id, `the link ${id}`), (fd) => {
    const info = fillInfo(fd, new Attr(linkInfoBytes), `the link ${id}`);
    return { id, type: nameOf(linkTypeNames, info.getU32(0)), programId: info.getU32(8) };
  });
