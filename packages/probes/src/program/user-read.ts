/** Reads of the program's memory. */
import type { Evaluation } from './evaluation.js';

/** Reads `bytes` of user memory at the address in r8 to `destination` (an offset from r10); goes to `failed` if it cannot. */
export const emitUserRead = (to: Evaluation, destination: number, bytes: number, failed: string): void => {
  const { assembler } = to;
  const done = assembler.freshLabel('read');
  const read = (helper: 'probe_read_user' | 'copy_from_user'): void => {
    assembler.mov('r1', 'r10').add('r1', destination).mov('r2', bytes).mov('r3', 'r8').call(helper);
  };
  read('probe_read_user');
  if (to.sleepable) {
    assembler.jumpIf('r0', '==', 0, done);
    read('copy_from_user');
  }
  assembler.jumpIf('r0', '!=', 0, failed).label(done);
};
