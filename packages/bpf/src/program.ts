import { Attr } from './attr.js';
import { bpfCommand, objectName } from './bpf-command.js';
import { firstFunctionType, functionTypes, type ProgramFunction } from './btf/function-types.js';
import { instructionBytes } from './isa.js';
import { errnoName, KernelError } from './kernel-error.js';
import { refusal } from './refusal.js';
import { bpfCall, closeDescriptor, withoutSignals } from './syscall.js';
import { summarizeVerifierLog, type VerifierSummary } from './verifier-log.js';

/** BPF_PROG_TYPE_*, include/uapi/linux/bpf.h. "kprobe" is the type of uprobe programs too. */
const programTypes = {
  'socket-filter': 1,
  kprobe: 2,
  tracepoint: 5,
  'perf-event': 7,
  'raw-tracepoint': 17,
} as const;
export type ProgramType = keyof typeof programTypes;

/** enum bpf_attach_type. Programs for attachUprobeMulti must be loaded for it, programs for attachPerfUprobe must not. */
const attachTypes = { 'uprobe-multi': 48 } as const;

/** BPF_F_SLEEPABLE: may call copy_from_user, which waits for pages. Uprobes only (Linux >= 6.0). */
const sleepableFlag = 1 << 4;

export interface ProgramOptions {
  readonly type: ProgramType;
  /** Shown by bpftool; at most 15 characters of [A-Za-z0-9_.] are kept. */
  readonly name: string;
  readonly instructions: Uint8Array;
  /** Default "GPL": most tracing helpers are reserved for GPL-compatible programs. */
  readonly license?: string;
  readonly sleepable?: boolean;
  readonly expectedAttachType?: keyof typeof attachTypes;
  /** Where its subprograms start, from `Assembler.functions()`; needed only if one is passed to a helper. */
  readonly functions?: readonly ProgramFunction[];
}

/** The verifier refused a program. */
export class VerifierError extends KernelError {
  override readonly name = 'VerifierError';
  constructor(
    errno: number,
    readonly program: string,
    /** Everything the verifier wrote. */
    readonly log: string,
    readonly summary: VerifierSummary,
  ) {
    super(
      'BPF_PROG_LOAD',
      errno,
      `The kernel's verifier refused the program "${program}" (${errnoName(errno)}): ${summary.message}`,
    );
  }
}

/** A loaded program. It leaves the kernel when closed and detached from every link. */
export class Program {
  readonly type: ProgramType;
  readonly name: string;
  readonly sleepable: boolean;
  #fd: number;
  #id: number | undefined;

  constructor(fd: number, options: ProgramOptions) {
    this.#fd = fd;
    this.type = options.type;
    this.name = objectName(options.name);
    this.sleepable = options.sleepable ?? false;
  }

  /** The descriptor. Throws Error after `close()`. */
  get fd(): number {
    if (this.#fd < 0) throw new Error(`the program "${this.name}" is closed`);
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** The kernel's id, as `bpftool prog` shows it. */
  get id(): number {
    this.#id ??= objectId(this.fd, `the program "${this.name}"`);
    return this.#id;
  }

  /**
   * Runs the program in the kernel without an event and returns r0 (for "raw-tracepoint" and "socket-filter").
   * @param context the bytes of its context: words of 8 bytes for a raw tracepoint, packet data (at least 14 bytes) for a
   *   socket filter.
   */
  testRun(context: Uint8Array = new Uint8Array(0)): number {
    // prog_fd 0, retval 4, data_size_in 8, data_in 16, ctx_size_in 40, ctx_in 48.
    const attr = new Attr(80).u32(0, this.fd);
    if (this.type === 'socket-filter') attr.u32(8, context.length).pointer(16, context);
    else if (context.length > 0) attr.u32(40, context.length).pointer(48, context);
    const result = bpfCall(bpfCommand.programTestRun, attr);
    if (result < 0) throw refusal('BPF_PROG_TEST_RUN', -result, `the program "${this.name}"`);
    return attr.getU32(4);
  }

  close(): void {
    if (this.#fd < 0) return;
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }
}

const E2BIG = 7;
const EAGAIN = 11;
const ENOSPC = 28;
/**
 * Sizes of the log buffer. Linux >= 6.4 keeps the end of a longer log, where the reason is; older kernels keep its
 * beginning, and none before 5.2 takes more than UINT_MAX >> 8.
 */
const logBytes = [1024 * 1024, 15 * 1024 * 1024];
/** BPF_LOG_LEVEL1 lists the instructions that were walked, BPF_LOG_STATS only what went wrong. */
const logLevel = { walk: 1, outcome: 4 } as const;

/**
 * Loads a program. The verifier's log is asked for only after a failure, by loading again.
 * Throws VerifierError when the verifier has written why, else KernelError.
 */
export function loadProgram(options: ProgramOptions): Program {
  if (options.instructions.length === 0 || options.instructions.length % instructionBytes !== 0) {
    throw new RangeError(`program "${options.name}": ${options.instructions.length} bytes are not whole instructions`);
  }
  const btf = options.functions === undefined ? undefined : loadFunctionTypes(options.name, options.functions);
  try {
    return loadWithTypes(options, btf);
  } finally {
    // The program holds its types by itself.
    if (btf !== undefined) closeDescriptor(btf);
  }
}

function loadWithTypes(options: ProgramOptions, btf: number | undefined): Program {
  const result = load(options, btf);
  if (result >= 0) return new Program(result, options);
  // A million walked instructions are no help, and take seconds to print.
  const level = result === -E2BIG ? logLevel.outcome : logLevel.walk;
  for (const size of logBytes) {
    const log = new Uint8Array(size);
    const again = load(options, btf, { log, level });
    if (again >= 0) return new Program(again, options);
    // Too small for the log: the kernel says ENOSPC in place of the true reason, which the first attempt gave.
    const text = Buffer.from(log.buffer, 0, Math.max(0, log.indexOf(0))).toString('latin1');
    if (again === -ENOSPC && size !== logBytes.at(-1) && !/^processed \d+ insns/m.test(text)) continue;
    if (text.trim() !== '') throw new VerifierError(-result, options.name, text, summarizeVerifierLog(text));
    break;
  }
  throw refusal('BPF_PROG_LOAD', -result, `the program "${options.name}"`);
}

interface Report {
  readonly log: Uint8Array;
  readonly level: number;
}

function load(options: ProgramOptions, btf: number | undefined, report?: Report): number {
  // prog_type 0, insn_cnt 4, insns 8, license 16, log_level 24, log_size 28, log_buf 32, prog_flags 44, prog_name 48,
  // expected_attach_type 68.
  const attr = new Attr(144)
    .u32(0, programTypes[options.type])
    .u32(4, options.instructions.length / instructionBytes)
    .pointer(8, options.instructions)
    .text(16, options.license ?? 'GPL')
    .u32(44, options.sleepable === true ? sleepableFlag : 0)
    .name(48, 16, objectName(options.name));
  if (options.expectedAttachType !== undefined) attr.u32(68, attachTypes[options.expectedAttachType]);
  if (btf !== undefined && options.functions !== undefined) {
    // prog_btf_fd 72, func_info_rec_size 76, func_info 80, func_info_cnt 88; a record is { insn_off, type_id }.
    const records = options.functions.flatMap(({ slot }, index) => [slot, firstFunctionType + index]);
    const bytes = new Uint8Array(Uint32Array.from(records).buffer);
    attr.u32(72, btf).u32(76, 8).pointer(80, bytes).u32(88, options.functions.length);
  }
  if (report !== undefined) attr.u32(24, report.level).u32(28, report.log.length).pointer(32, report.log);
  const once = (): number => bpfCall(bpfCommand.programLoad, attr);
  const result = once();
  // A signal makes the verifier give up (kernel/bpf/verifier.c, do_check). Trying again is no cure where they keep
  // coming faster than it can finish, so the second time they wait.
  return result === -EAGAIN ? withoutSignals(once) : result;
}

function loadFunctionTypes(name: string, functions: readonly ProgramFunction[]): number {
  const types = functionTypes(functions);
  // btf 0, btf_size 16.
  const fd = bpfCall(bpfCommand.btfLoad, new Attr(24).pointer(0, types).u32(16, types.length));
  if (fd < 0) throw refusal('BPF_BTF_LOAD', -fd, `the functions of the program "${name}"`);
  return fd;
}

/** The id of a program, map or link: `id` is the first or second word of their info structures. */
export function objectId(fd: number, subject: string): number {
  // bpf_fd 0, info_len 4, info 8; struct bpf_prog_info, bpf_map_info and bpf_link_info all have { type, id }.
  const info = new Uint8Array(8);
  const attr = new Attr(16).u32(0, fd).u32(4, info.length).pointer(8, info);
  const result = bpfCall(bpfCommand.objectInfo, attr);
  if (result < 0) throw refusal('BPF_OBJ_GET_INFO_BY_FD', -result, subject);
  return new DataView(info.buffer).getUint32(4, true);
}
