/** Writes the record of one event (record.ts) straight into the ring buffer. r6 = context, r7 = the record. */
import type { LoweredExpression } from '../plan/expression.js';
import type { CapturePart, PlannedCapture } from '../plan/plan.js';
import { emitExpression, emitRegister } from './evaluate.js';
import type { Evaluation } from './evaluation.js';
import { frame, temporary } from './frame.js';
import { blockLimit, partLayout, recordLayout, recordOffsets, stackFrames } from './record.js';
import { stackPointer } from './registers.js';
import type { ProgramRequest } from './request.js';

/** r1 = the u32 minimum of r1 and `limit`. */
const saturated = 0xffffffffn;

/** Marks capture `index` as unreadable and zeroes its room. */
const emitCaptureFault = (to: Evaluation, index: number, at: number, size: number): void => {
  const { assembler } = to;
  assembler.load('r1', 'r10', frame.captureFaults, 8);
  // An immediate of 1 << 31 would be sign extended.
  assembler
    .loadImmediate('r2', 1n << BigInt(index))
    .or('r1', 'r2')
    .store('r10', frame.captureFaults, 'r1', 8);
  for (let offset = 0; offset < size; offset += 8) assembler.store('r7', at + offset, 0, 8);
};

interface Block {
  readonly value: LoweredExpression | undefined;
  readonly length: LoweredExpression | undefined;
}

const emitBlock = (to: Evaluation, block: Block, limit: number, at: number, fault: string): void => {
  const { assembler } = to;
  if (block.value === undefined || block.length === undefined) return;
  const whole = assembler.freshLabel('whole');
  const small = assembler.freshLabel('small');
  const empty = assembler.freshLabel('empty');
  const done = assembler.freshLabel('string');
  const room = Math.ceil(limit / 8) * 8;
  // The rest of the room must not show what an older record left there.
  for (let offset = 0; offset < 8 + room; offset += 8) assembler.store('r7', at + offset, 0, 8);
  emitExpression(to, block.value, 0);
  assembler.store('r10', temporary(0), 'r8', 8);
  emitExpression(to, block.length, 1);
  assembler.mov('r1', 'r8').loadImmediate('r2', saturated).jumpIf('r1', '<=', 'r2', small).mov('r1', 'r2');
  assembler.label(small).store('r7', at, 'r1', 4);
  assembler.jumpIf('r8', '==', 0, empty).jumpIf('r8', '<=', limit, whole).mov('r8', limit).label(whole);
  assembler.store('r10', temporary(1), 'r8', 8);
  const read = (helper: 'probe_read_user' | 'copy_from_user'): void => {
    // The bounds once more, where the verifier sees them beside the read.
    assembler.load('r2', 'r10', temporary(1), 8).jumpIf('r2', '>', limit, fault);
    assembler
      .mov('r1', 'r7')
      .add('r1', at + 8)
      .load('r3', 'r10', temporary(0), 8)
      .call(helper);
  };
  const copied = assembler.freshLabel('copied');
  read('probe_read_user');
  if (to.sleepable) {
    assembler.jumpIf('r0', '==', 0, copied);
    read('copy_from_user');
  }
  assembler.jumpIf('r0', '!=', 0, fault).label(copied);
  assembler.load('r1', 'r10', temporary(1), 8).store('r7', at + 4, 'r1', 4);
  assembler
    .jump(done)
    .label(empty)
    .store('r7', at + 4, 0, 4)
    .label(done);
};

/** Every part by itself: what one could not be read for says nothing of the others. */
const emitParts = (to: Evaluation, parts: readonly CapturePart[], at: number): void => {
  const { assembler } = to;
  const { offsets } = partLayout(parts);
  assembler.store('r7', at, 0, 8);
  parts.forEach((part, index) => {
    const fault = assembler.freshLabel('part_unreadable');
    const done = assembler.freshLabel('part');
    const inner = { ...to, fault };
    const place = at + (offsets[index] ?? 0);
    assembler.store('r7', place, 0, 8);
    if (part.length !== undefined) emitBlock(inner, part, part.limit, place, fault);
    else {
      emitExpression(inner, part.value, 0);
      assembler.store('r7', place, 'r8', 8);
      if (!mayFault(part.value)) return;
    }
    assembler
      .jump(done)
      .label(fault)
      .load('r1', 'r7', at, 8)
      .loadImmediate('r2', 1n << BigInt(index))
      .or('r1', 'r2')
      .store('r7', at, 'r1', 8);
    assembler.label(done);
  });
};

/** Fills every capture; one that cannot be read leaves zeroes and a bit in the fault word. */
export const emitCaptures = (to: Evaluation, captures: readonly PlannedCapture[]): void => {
  const { assembler } = to;
  const layout = recordLayout(captures);
  captures.forEach((capture, index) => {
    const at = layout.captures[index];
    if (at !== undefined && capture.parts !== undefined) emitParts(to, capture.parts, at);
    if (at === undefined || capture.value === undefined) return;
    const fault = assembler.freshLabel('unreadable');
    const done = assembler.freshLabel('captured');
    const inner = { ...to, fault };
    // The verifier wants no unreachable code, and a register's value cannot fail.
    let size = 8;
    let canFail = true;
    const limit = blockLimit(capture.shape);
    if (limit !== undefined) {
      emitBlock(inner, capture, limit, at, fault);
      size = 8 + Math.ceil(limit / 8) * 8;
    } else {
      emitExpression(inner, capture.value, 0);
      assembler.store('r7', at, 'r8', 8);
      canFail = mayFault(capture.value);
    }
    if (!canFail) return;
    assembler.jump(done).label(fault);
    emitCaptureFault(to, index, at, size);
    assembler.label(done);
  });
};

/** Whether the emitted code of an expression jumps to the fault label. */
export const mayFault = (node: PlannedCapture['value']): boolean => {
  if (node === undefined) return false;
  switch (node.kind) {
    case 'constant':
    case 'register':
      return false;
    case 'string-test':
      return node.bytes.length > 0 || mayFault(node.pointer) || mayFault(node.length);
    case 'load':
    case 'string-order':
    case 'string-search':
    case 'interface-equal':
    case 'checked':
    case 'goroutine-id':
      return true;
    case 'unless-nil':
      return mayFault(node.pointer) || mayFault(node.value);
    case 'convert':
    case 'not':
      return mayFault(node.value);
    case 'arithmetic':
      return node.operator === 'div' || node.operator === 'rem' || mayFault(node.left) || mayFault(node.right);
    case 'compare-float':
      return node.special === 'fault' || mayFault(node.left) || mayFault(node.right);
    case 'compare':
    case 'logical':
      return mayFault(node.left) || mayFault(node.right);
  }
};

/** The fixed part, from the frame; the captures' fault word is written last, by `emitRecordFaults`. */
export const emitRecordHeader = (to: Evaluation, request: Pick<ProgramRequest, 'probe' | 'siteCookie'>): void => {
  const { assembler } = to;
  assembler.store('r7', recordOffsets.probe, request.probe, 4);
  const copy = (from: number, at: number, width: 4 | 8): void => {
    assembler.load('r1', 'r10', from, width).store('r7', at, 'r1', width);
  };
  copy(frame.number, recordOffsets.number, 8);
  copy(frame.pidTid, recordOffsets.pidTid, 8);
  copy(frame.goroutine, recordOffsets.goroutine, 8);
  assembler.call('ktime_get_ns').store('r7', recordOffsets.time, 'r0', 8);
  assembler.call('get_smp_processor_id').store('r7', recordOffsets.cpu, 'r0', 4);
  if (request.siteCookie) assembler.mov('r1', 'r6').call('get_attach_cookie');
  else assembler.mov('r0', 0);
  assembler.store('r7', recordOffsets.site, 'r0', 8);
};

/** BPF_F_USER_STACK, include/uapi/linux/bpf.h. */
const userStack = 1 << 8;

/**
 * The user stack by its frame pointers, which Go keeps (`at`: record.ts), and the word at the stack pointer: before the
 * frame is made the caller is only there (kernels < 6.11 leave it out of the stack).
 */
export const emitStack = (to: Evaluation, at: number): void => {
  const { assembler } = to;
  assembler.store('r7', at, 0, 8);
  emitRegister(to, stackPointer[to.machine]);
  assembler.mov('r1', 'r7').add('r1', at).mov('r2', 8).mov('r3', 'r8').call('probe_read_user');
  emitCallers(to, at);
};

/** The addresses and their bytes, or the errno. Expects the context in r6. */
export const emitCallers = ({ assembler }: Evaluation, at: number): void => {
  assembler
    .mov('r1', 'r6')
    .mov('r2', 'r7')
    .add('r2', at + 16);
  assembler
    .mov('r3', stackFrames * 8)
    .mov('r4', userStack)
    .call('get_stack')
    .store('r7', at + 8, 'r0', 8);
};

/** What is known last: which captures failed, and whether a signal went out. */
export const emitRecordFaults = (to: Evaluation): void => {
  const { assembler } = to;
  assembler.load('r1', 'r10', frame.captureFaults, 8).store('r7', recordOffsets.captureFaults, 'r1', 4);
  assembler.load('r1', 'r10', frame.flags, 8).store('r7', recordOffsets.flags, 'r1', 4);
};
