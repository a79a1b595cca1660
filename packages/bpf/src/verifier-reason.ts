/**
 * The verifier's commoner refusals by its own words, and what to change. The words are those of kernel/bpf/verifier.c;
 * they have changed little since Linux 5.x, and one that is not known here is passed on as it is.
 */

interface Explanation {
  readonly kind: string;
  readonly words: RegExp;
  readonly advice: string;
}

const explanations = [
  {
    kind: 'uninitialized-register',
    words: /R\d+ !read_ok/,
    advice: 'The register holds nothing here: set it first; a helper call leaves r1-r5 empty.',
  },
  {
    kind: 'maybe-null',
    words: /invalid mem access '\w*_or_null'|type=\w*_or_null expected|on \w*_or_null prohibited|Possibly NULL pointer/,
    advice: 'The pointer may be null: compare it with 0 and jump away before using it.',
  },
  {
    kind: 'not-a-pointer',
    words: /invalid mem access '(?:scalar|inv)'/,
    advice:
      'It is a plain number to the verifier: read user or kernel memory through probe_read_user or probe_read_kernel, use no ring-buffer record after its submit or discard, and read data and data_end again after a helper that may move the packet.',
  },
  {
    kind: 'misaligned',
    words: /misaligned \w+ access/,
    advice: 'The address must be a multiple of the size of the access: move it, or use smaller accesses.',
  },
  {
    kind: 'stack-depth',
    words: /combined stack size|call stack of \d+ frames|recursive call/,
    advice: 'Subprograms share 512 bytes of stack along a chain of calls, at most 8 deep; none may call itself.',
  },
  {
    kind: 'unbounded-offset',
    words: /variable-offset (?:write to|read from|access to|indirect access to) stack|invalid zero-sized read/,
    advice: 'Bound the number first, by "and" with a mask or a comparison and a jump on both sides; sizes from 1 up.',
  },
  {
    kind: 'spilled-pointer',
    words: /invalid size of register (?:spill|fill)|corrupt(?:ed)? spill/,
    advice: 'A pointer lies on the stack as a whole: write and read all 8 bytes of it, at a multiple of 8.',
  },
  {
    kind: 'stack-bounds',
    words: /invalid (?:\w+ )*(?:write to|read from|access to)? ?stack|invalid stack|invalid indirect/,
    advice: 'The stack is the 512 bytes below r10, and is read only where it was written.',
  },
  {
    kind: 'packet-bounds',
    words: /invalid access to packet|outside of the packet/,
    advice: 'Compare the end of the access with data_end and jump away before it, on this very pointer.',
  },
  {
    kind: 'packet-write',
    words: /cannot write into packet/,
    advice: 'Programs of this type may only read packets: change them in XDP or traffic control, or by a helper.',
  },
  {
    kind: 'packet-load',
    words: /BPF_LD_\[ABS\|IND\] instructions not allowed/,
    advice:
      'Only socket filters and traffic control have loads by skb[...]: elsewhere use data and data_end, or skb_load_bytes.',
  },
  {
    kind: 'packet-load',
    words: /R6 != pointer to skb/,
    advice: 'Loads by skb[...] take the context from r6: copy r1 there at the beginning.',
  },
  {
    kind: 'value-bounds',
    words: /invalid access to (?:map value|memory)|outside of the allowed memory range/,
    advice: 'The access leaves the value or record: check offset and size against its size.',
  },
  {
    kind: 'modified-context',
    words: /modified ctx ptr|variable ctx access/,
    advice: 'The context is accessed at constant offsets from the pointer that the program was given: do not move it.',
  },
  {
    kind: 'context-access',
    words: /BPF_ATOMIC stores into/,
    advice:
      'Atomic operations are for map values and other memory of the program, not for contexts, packets and sockets.',
  },
  {
    kind: 'context-access',
    words: /doesn't have \d+-th argument/,
    advice:
      'The function or tracepoint has fewer arguments: number N, from 0, is at 8 * N in the context, and the result of an fexit behind the last.',
  },
  {
    kind: 'context-access',
    words: /invalid bpf_context access|stores into R\d+ ctx/,
    advice: 'That place of the context cannot be accessed so: programs of this type may read only its defined fields.',
  },
  {
    kind: 'unbounded-offset',
    words:
      /unbounded (?:min|max) value|min value is negative|unbounded memory access|value is outside of the (?:allowed )?range|makes .* pointer be out of bounds/,
    advice: 'Bound the number first, by "and" with a mask or a comparison and a jump on both sides.',
  },
  {
    kind: 'pointer-arithmetic',
    words:
      /pointer arithmetic|math between .* pointer|pointer (?:comparison|subtraction) prohibited|pointer [-+]= pointer|subtract pointer from/,
    advice:
      'Pointers may only be moved by 64-bit add and sub with bounded numbers; those to maps, sockets and the end of a packet not at all.',
  },
  {
    kind: 'pointer-leak',
    words: /leaks addr|partial copy of pointer|leak pointer/,
    advice:
      'An address of the kernel would get out, which needs privileges (CAP_PERFMON): store or return a number instead.',
  },
  {
    kind: 'leaked-reference',
    words: /Unreleased reference|reference leak/,
    advice:
      'What a helper hands out must be given back on every path to the exit: a ring-buffer record submitted or discarded, a socket released.',
  },
  {
    kind: 'not-constant',
    words: /is not a known constant/,
    advice: 'The helper wants a constant there: load an immediate, not a value read at run time.',
  },
  {
    kind: 'unknown-helper',
    words: /invalid func/,
    advice: 'This kernel has no such helper: it is too old for it.',
  },
  {
    // "unknown func" is what kernels before 6.12 say of a helper that they have, but not for programs of this type.
    kind: 'helper-not-allowed',
    words: /cannot use helper|unknown func|not supported for program type/,
    advice: 'Programs of this type may not call that helper.',
  },
  {
    kind: 'kernel-function',
    words: /calling kernel function|kernel btf_id \d+ is not a function|kernel function btf_id/,
    advice: 'Programs of this type may not call that function of the kernel, or this kernel does not have it.',
  },
  {
    kind: 'sleeping',
    words: /(?:might|may) sleep|(?:must|can) be sleepable/,
    advice:
      'Only some programs may sleep (uprobe, fentry, lsm, iter), loaded with BPF_F_SLEEPABLE; elsewhere use a helper that does not, as probe_read_user.',
  },
  {
    kind: 'lock',
    words: /progs cannot use bpf_spin_lock/,
    advice: 'Programs of this type have no locks: use atomic operations, or a map with a value for each processor.',
  },
  {
    kind: 'lock',
    words: /in order to use bpf_spin_lock|has no valid bpf_spin_lock/,
    advice: 'The map needs BTF that says where in its value the struct bpf_spin_lock is.',
  },
  {
    kind: 'lock',
    words: /spin_unlock is missing|while holding a lock|bpf_spin_lock-ed region|inside bpf_spin_lock/,
    advice: 'A lock is given back on every path, and nothing is called while it is held.',
  },
  {
    kind: 'forbidden-map',
    words: /(?:write into|read from) map forbidden/,
    advice: 'The map was made for one direction only (BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG).',
  },
  {
    kind: 'attach-target',
    words: /must provide btf_id|attach_btf_id/,
    advice: 'Programs of this type name the function of the kernel that they are for when they are loaded: its BTF id.',
  },
  {
    kind: 'missing-types',
    words: /missing btf func_info/,
    advice: 'Callbacks and global functions need BTF with an entry for each function: compile with -g.',
  },
  {
    kind: 'struct-access',
    words: /access beyond (?:struct|the end of member)/,
    advice: "The kernel's structure ends before that place: take offsets from the BTF of the kernel that runs (CO-RE).",
  },
  {
    kind: 'struct-access',
    words: /only read is supported/,
    advice:
      'Structures of the kernel may only be read: what can be changed in them, helpers and functions of the kernel change.',
  },
  {
    kind: 'dynptr',
    words: /dynptr/,
    advice:
      'A dynptr is made by a helper first (dynptr_from_mem, ringbuf_reserve_dynptr), stays where it was made, and is none any more after its submit or discard.',
  },
  {
    kind: 'helper-argument',
    words: /R\d+ type=\S+ expected=/,
    advice:
      'The register has another kind of value than the helper takes there (R1 is its first argument; fp: the stack, scalar: a number).',
  },
  {
    kind: 'license',
    words: /GPL[- ](?:restricted|only|compatible)|non-GPL/,
    advice: 'Load the program with a GPL-compatible license.',
  },
  {
    kind: 'too-many-branches',
    words: /sequence of \d+ jumps/,
    advice:
      'More branches wait to be walked than the verifier remembers (8,192): replace chains of comparisons by a map look-up or a table.',
  },
  {
    kind: 'too-complex',
    words: /program is too large|too complex/,
    advice: 'The verifier walked a million instructions without an end: shorten loops or call the helper "loop".',
  },
  {
    kind: 'endless-loop',
    words: /infinite loop|back-edge/,
    advice: 'A loop must have a bound that the verifier can see.',
  },
  {
    kind: 'control-flow',
    words: /unreachable insn|jump out of range|not an exit|fallthrough|jump into the middle/,
    advice: 'Every instruction must be reachable, every jump must land on one, and every path must end in exit.',
  },
  { kind: 'read-only-register', words: /frame pointer is read only/, advice: 'r10 cannot be written.' },
  {
    kind: 'constant-operand',
    words: /div by zero|invalid shift/,
    advice: 'A constant divisor cannot be 0, and a constant shift is less than the width of the number, 32 or 64.',
  },
  {
    kind: 'bad-encoding',
    words: /unknown opcode|uses reserved fields|invalid BPF_\w+|unrecognized bpf_ld_imm64|R\d+ is invalid/,
    advice: 'This kernel does not know the instruction: it is wrong, or newer than the kernel.',
  },
  {
    kind: 'bad-map',
    words: /expected prog array map|not pointing to valid bpf_map|invalid map|map_type .* cannot|cannot pass map_type/,
    advice: 'The descriptor is no map, or its type does not suit the helper.',
  },
  {
    kind: 'return-value',
    words: /At program exit|should have been in/,
    advice: 'r0 must be in the range that this program type returns.',
  },
] as const satisfies readonly Explanation[];

export type RefusalKind = (typeof explanations)[number]['kind'] | 'other';

/** The kind of a refusal, and what to change where that is known. */
export function explainRefusal(
  reason: string,
  instruction: string | undefined,
): { readonly kind: RefusalKind; readonly advice: string | undefined } {
  const known = explanations.find(({ words }) => words.test(reason));
  if (known === undefined) return { kind: 'other', advice: undefined };
  if (known.kind === 'uninitialized-register' && instruction === 'exit') {
    return { kind: known.kind, advice: 'r0 is the result of the program: set it before every exit.' };
  }
  return known;
}
