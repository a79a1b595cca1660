/** Which uprobes sit in the kernel by uprobe_multi links, whoever made them. Needs CAP_SYS_ADMIN. */
import { Attr } from '../attr.js';
import { bpfCommand } from '../bpf-command.js';
import { refusal } from '../refusal.js';
import { bpfCall, closeDescriptor } from '../syscall.js';

const [ENOENT, ENOSPC] = [2, 28];
/** BPF_LINK_TYPE_UPROBE_MULTI, include/uapi/linux/bpf.h. */
const uprobeMultiLink = 12;
/** struct bpf_link_info up to the end of its uprobe_multi part (Linux >= 6.8); older kernels leave that zero. */
const infoBytes = 64;
const longestPath = 4096;

export interface UprobeLink {
  /** As the kernel sees it: a file of another mount namespace, or a deleted one, may not be found by it. */
  readonly path: string;
  /** File offsets. */
  readonly offsets: ReadonlySet<number>;
  /** Process id in the caller's namespace; 0 = every process. */
  readonly pid: number;
}

function fill(fd: number, info: Attr): number {
  // bpf_fd 0, info_len 4, info 8.
  return bpfCall(bpfCommand.objectInfo, new Attr(16).u32(0, fd).u32(4, infoBytes).pointer(8, info.bytes));
}

/** Undefined for links of other kinds, and where the kernel does not tell. */
function read(fd: number): UprobeLink | undefined {
  // type 0; path 16, offsets 24, path_size 48, count 52, pid 60.
  const first = new Attr(infoBytes);
  if (fill(fd, first) < 0 || first.getU32(0) !== uprobeMultiLink) return undefined;
  const count = first.getU32(52);
  if (count === 0) return undefined;
  const [path, offsets] = [new Uint8Array(longestPath), new BigUint64Array(count)];
  const info = new Attr(infoBytes)
    .pointer(16, path)
    .u32(48, path.length)
    .pointer(24, new Uint8Array(offsets.buffer))
    .u32(52, count);
  const result = fill(fd, info);
  // A path that is longer than a path may be cannot be told either.
  if (result === -ENOSPC) return undefined;
  if (result < 0) throw refusal('BPF_OBJ_GET_INFO_BY_FD', -result, 'a link');
  return {
    path: Buffer.from(path).toString('utf8', 0, path.indexOf(0)),
    offsets: new Set([...offsets].map(Number)),
    pid: info.getU32(60),
  };
}

/** Every uprobe_multi link there is. Throws KernelError. */
export function uprobeLinks(): readonly UprobeLink[] {
  const found: UprobeLink[] = [];
  for (let id = 0; ; ) {
    // start_id 0, next_id 4.
    const attr = new Attr(12).u32(0, id);
    const next = bpfCall(bpfCommand.linkNextId, attr);
    if (next === -ENOENT) return found;
    if (next < 0) throw refusal('BPF_LINK_GET_NEXT_ID', -next, 'the links');
    id = attr.getU32(4);
    const fd = bpfCall(bpfCommand.linkById, new Attr(12).u32(0, id));
    // Closed meanwhile.
    if (fd === -ENOENT) continue;
    if (fd < 0) throw refusal('BPF_LINK_GET_FD_BY_ID', -fd, `the link ${id}`);
    try {
      const link = read(fd);
      if (link !== undefined) found.push(link);
    } finally {
      closeDescriptor(fd);
    }
  }
}
