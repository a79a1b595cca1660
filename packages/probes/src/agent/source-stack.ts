/** The callers at an event of the kernel: of the program's own code, in the thread that runs. */
import { constants } from 'node:os';
import { kernelBtf } from '@probelens/bpf';
import type { Evaluation } from '../program/evaluation.js';
import type { RecordLayout } from '../program/record.js';
import { smallestPage } from '../program/record.js';
import { emitCallers } from '../program/record-writer.js';
import { registerOffset, stackPointer } from '../program/registers.js';
import type { ProbeSpec } from '../spec/spec.js';
import type { ProgramCode } from './protocol.js';
import { emitWord } from './source-goroutine.js';

/** Offsets in the kernel's structures, bytes. */
export interface MemoryPlaces {
  /** task_struct.mm. */
  readonly memory: number;
  /** mm_struct.end_code. */
  readonly codeEnd: number;
}

/** Throws BtfError. */
export const memoryPlaces = (): MemoryPlaces => ({
  memory: kernelBtf().offsetOf('task_struct', 'mm'),
  codeEnd: kernelBtf().offsetOf('mm_struct', 'end_code'),
});

export interface SourceProgramPlace extends MemoryPlaces {
  readonly code: ProgramCode;
  /** The process ran something else when the probe was armed, and may still do. */
  readonly starting: boolean;
}

export interface CallerPlaces {
  /** The kernel tells a program the registers with which the thread came in (task_pt_regs, Linux >= 5.15). */
  readonly registers: boolean;
}

export const asksForStack = ({ action, onMatch }: ProbeSpec): boolean =>
  action.kind === 'snapshot' || (onMatch ?? []).some(({ kind }) => kind === 'snapshot');

/** The word at the program's stack pointer: the caller of the function that made the system call, which has no frame. */
const emitTop = (to: Evaluation, at: number): void => {
  const { assembler } = to;
  const offset = registerOffset(to.machine, stackPointer[to.machine]);
  if (offset === undefined) return;
  const none = assembler.freshLabel('no_top');
  assembler.call('get_current_task_btf').mov('r1', 'r0').call('task_pt_regs').mov('r8', 'r0').add('r8', offset);
  emitWord(to, 'probe_read_kernel', none);
  assembler.mov('r1', 'r7').add('r1', at).mov('r2', 8).mov('r3', 'r8').call('probe_read_user').label(none);
};

/** r8 = mm->end_code; goes to `none` where the thread has given its memory back. */
const emitLoadedEnd = (to: Evaluation, { memory, codeEnd }: MemoryPlaces, none: string): void => {
  to.assembler.call('get_current_task').mov('r8', 'r0').add('r8', memory);
  emitWord(to, 'probe_read_kernel', none);
  to.assembler.jumpIf('r8', '==', 0, none).add('r8', codeEnd);
  emitWord(to, 'probe_read_kernel', none);
};

/** Leaves at `out` while the process runs another program than the one that is meant: the one that is to become it. */
export const emitProgramGuard = (to: Evaluation, { code, ...places }: SourceProgramPlace, out: string): void => {
  const { assembler } = to;
  // Who has no memory any more is at its end.
  const runs = assembler.freshLabel('runs');
  emitLoadedEnd(to, places, runs);
  assembler.loadImmediate('r1', BigInt(code.end));
  if (code.fixed) assembler.jumpIf('r8', '!=', 'r1', out);
  else
    assembler
      .sub('r8', 'r1')
      .and('r8', smallestPage - 1)
      .jumpIf('r8', '!=', 0, out);
  assembler.label(runs);
};

/** Into the record in r7; `elsewhere`: the event is of a thread that does not run now. Uses the frame's scratch area. */
export const emitSourceStack = (
  to: Evaluation,
  { stack, codeEnd }: RecordLayout,
  places: CallerPlaces & MemoryPlaces & { readonly elsewhere: boolean },
): void => {
  const { assembler } = to;
  if (stack === undefined || codeEnd === undefined) return;
  assembler.store('r7', stack, 0, 8).store('r7', codeEnd, 0, 8);
  if (places.elsewhere) {
    assembler.store('r7', stack + 8, -constants.errno.ESRCH, 8);
    return;
  }
  if (places.registers) emitTop(to, stack);
  emitCallers(to, stack);
  const none = assembler.freshLabel('no_memory');
  emitLoadedEnd(to, places, none);
  assembler.store('r7', codeEnd, 'r8', 8).label(none);
};
