/** A stop after the system call: its goroutine is stopped at the next gate that it executes (program/armed-thread.ts). */
import { emitArmThread } from '../../program/armed-thread.js';
import { type Evaluation, type EventReads, emitExpression } from '../../program/evaluate.js';
import { emitSignal } from '../../program/gate.js';
import * as refusal from '../refusal.js';
import { pending } from './layout.js';
import { type BpfProgramRequest, exitFrame, result } from './request.js';

/** Offsets of u32 words in union bpf_attr for BPF_PROG_LOAD. */
const words: ReadonlyMap<string, number> = new Map([
  ['insns', 4],
  ['loglevel', 24],
  ['btf', 72],
  ['lines', 104],
]);

const unknown = (): never => {
  throw refusal.unsupported(
    'That condition of a stop',
    `a stop is decided in the kernel, where errno, fd, ${[...words.keys()].join(', ')} are known; leave the rest out, or use \`do log\``,
  );
};

const reads: EventReads = {
  emitField: ({ assembler }, name) => {
    if (name === 'errno' || name === 'fd') {
      const known = assembler.freshLabel('known');
      assembler.load('r8', 'r6', result, 8);
      if (name === 'errno') assembler.neg('r8');
      assembler.jumpIf('r8', 's>=', 0, known).mov('r8', 0).label(known);
      return;
    }
    const offset = words.get(name) ?? unknown();
    assembler.load('r9', 'r10', exitFrame.remembered, 8).load('r8', 'r9', pending.attributes + offset, 4);
    if (name !== 'btf') return;
    const none = assembler.freshLabel('none');
    assembler.jumpIf('r8', '==', 0, none).mov('r8', 1).label(none);
  },
  emitText: unknown,
};

/** Uses r8 and r9; expects the goroutine in the frame. */
export const emitStopAfter = (to: Evaluation, request: BpfProgramRequest): void => {
  const { stop, condition, maps, probe } = request;
  if (stop === 'none') return;
  const { assembler } = to;
  const spared = assembler.freshLabel('spared');
  if (condition !== undefined) {
    const fault = assembler.freshLabel('fault');
    assembler.mov('r8', 0).jumpIf('r8', '!=', 0, fault);
    emitExpression({ ...to, fault, event: reads }, condition);
    assembler.jumpIf('r8', '==', 0, spared).label(fault);
  }
  if (stop === 'halt') emitSignal(to, maps, 'halt');
  else if (maps.armedThreads !== undefined) emitArmThread(to, maps, maps.armedThreads, probe);
  assembler.label(spared);
};
