/**
 * Instructions that the kernel lets a uprobe sit on (good_insns_64, good_2byte_insns and is_prefix_bad in
 * arch/x86/kernel/uprobes.c, Linux 6.18). A sentinel is one too: the last byte of its instruction, read as the first of
 * another, must be acceptable.
 */

/** ES, CS, SS, DS and LOCK: refused. */
const badPrefixes = new Set([0x26, 0x2e, 0x36, 0x3e, 0xf0]);

/** FS, GS, operand size, address size, REPNE, REP. */
const goodPrefixes = new Set([0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3]);

/** Opcodes without a place in 64-bit mode, system ones, traps, port access, and the VEX and EVEX escapes. */
const badOpcodes = new Set([
  ...[0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f],
  ...[0x60, 0x61, 0x62, 0x6c, 0x6d, 0x6e, 0x6f, 0x82, 0x9a],
  ...[0xc4, 0xc5, 0xcc, 0xcd, 0xce, 0xcf, 0xd4, 0xd5, 0xd6],
  ...[0xe4, 0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb],
]);

/** Of the opcodes behind 0x0f only those that compilers use for plain work: moves, conditions, arithmetic, bits, no-ops. */
const isGoodTwoByte = (opcode: number): boolean =>
  (opcode >= 0x10 && opcode <= 0x17) ||
  (opcode >= 0x28 && opcode <= 0x2f) ||
  (opcode >= 0x40 && opcode <= 0x5f) ||
  (opcode >= 0x80 && opcode <= 0x9f) ||
  [0x1f, 0x6e, 0x6f, 0x7e, 0x7f, 0xa3, 0xaf, 0xb6, 0xb7, 0xba, 0xbc, 0xbd, 0xbe, 0xbf, 0xd6, 0xef].includes(opcode);

const isBranch = (opcode: number): boolean => (opcode >= 0x70 && opcode <= 0x7f) || [0xe8, 0xe9, 0xeb].includes(opcode);

const isRex = (byte: number): boolean => (byte & 0xf0) === 0x40;

/** Whether a uprobe may be placed on the instruction that begins with these bytes. Says no when in doubt. */
export const isAcceptable = (bytes: Uint8Array): boolean => {
  let at = 0;
  while (goodPrefixes.has(bytes[at] ?? -1)) at++;
  if (badPrefixes.has(bytes[at] ?? -1)) return false;
  if (isRex(bytes[at] ?? 0)) at++;
  const opcode = bytes[at];
  if (opcode === undefined) return false;
  // To the kernel's decoder the second of two REX prefixes is a whole opcode, and a good one (insn_get_opcode).
  if (isRex(opcode)) return at > 0;
  // Prefixed branches are emulated in some kernels and refused in others.
  if (isBranch(opcode)) return at === 0;
  if (opcode !== 0x0f) return !badOpcodes.has(opcode) && !goodPrefixes.has(opcode) && !badPrefixes.has(opcode);
  const second = bytes[at + 1];
  return second !== undefined && isGoodTwoByte(second) && (second < 0x80 || second > 0x8f || at === 0);
};
