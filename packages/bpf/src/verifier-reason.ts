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
    words: /invalid mem access '\w*_or_null'|type=\w*_or_null expected/,
    advice: 'The pointer may be null: compare it with 0 and jump away before using it.',
  },
  {
    kind: 'not-a-pointer',
    words: /invalid mem access '(?:scalar|inv)'/,
    advice:
      'It is a plain number to the verifier: read user or kernel memory through probe_read_user or probe_read_kernel, and use no ring-buffer record after its submit or discard.',
  },
  {
    kind: 'misaligned',
    words: /misaligned \w+ access/,
    advice: 'The address must be a multiple of the size of the access: move it, or use smaller accesses.',
  },
  {
    kind: 'stack-bounds',
    words: /invalid (?:\w+ )*(?:write to|read from|access to)? ?stack|invalid stack|invalid indirect/,
    advice: 'The stack is the 512 bytes below r10, and is read only where it was written.',
  },
  {
    kind: 'value-bounds',
    words: /invalid access to (?:map value|memory|packet)|outside of the allowed memory range/,
    advice: 'The access leaves the value or record: check offset and size against its size.',
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
    words: /pointer arithmetic|math between .* pointer|pointer (?:comparison|subtraction) prohibited|leaks addr/,
    advice: 'Pointers may only be moved by add and sub with bounded numbers.',
  },
  {
    kind: 'leaked-reference',
    words: /Unreleased reference|reference leak/,
    advice: 'A ring-buffer record must be submitted or discarded on every path to the exit.',
  },
  {
    kind: 'not-constant',
    words: /is not a known constant/,
    advice: 'The helper wants a constant there: load an immediate, not a value read at run time.',
  },
  {
    kind: 'unknown-helper',
    words: /invalid func|unknown func/,
    advice: 'This kernel has no such helper: it is too old for it.',
  },
  {
    kind: 'helper-not-allowed',
    words: /cannot use helper|unknown func .* for this/,
    advice: 'Programs of this type may not call that helper.',
  },
  {
    kind: 'sleeping',
    words: /might sleep|sleepable/,
    advice: 'Load it as a sleepable uprobe program (sleepable: true), or read with probe_read_user.',
  },
  {
    kind: 'helper-argument',
    words: /R\d+ type=\S+ expected=/,
    advice: 'The argument is of the wrong kind for this helper.',
  },
  { kind: 'license', words: /GPL/, advice: 'Load the program with a GPL-compatible license.' },
  {
    kind: 'too-many-branches',
    words: /sequence of \d+ jumps/,
    advice:
      'More branches wait to be walked than the verifier remembers (8,192): replace chains of comparisons by a map look-up or a table.',
  },
  {
    kind: 'too-complex',
    words: /too large|too complex/i,
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
    kind: 'bad-encoding',
    words: /unknown opcode|uses reserved fields|invalid BPF_\w+|unrecognized bpf_ld_imm64/,
    advice: 'This kernel does not know the instruction: it is wrong, or newer than the kernel.',
  },
  {
    kind: 'bad-map',
    words: /not pointing to valid bpf_map|invalid map|map_type .* cannot|cannot pass map_type/,
    advice: 'The descriptor is no map, or its type does not suit the helper.',
  },
  {
    kind: 'stack-depth',
    words: /combined stack size|call stack of \d+ frames/,
    advice: 'Subprograms share 512 bytes of stack along a chain of calls, at most 8 deep.',
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
