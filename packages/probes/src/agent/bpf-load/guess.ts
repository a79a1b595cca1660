/**
 * Goroutines of programs that nobody knows beforehand: where Go keeps the id depends on the program, so the words at all
 * places that come into question go with the record, and whoever has looked at the program's file chooses.
 */
import type { Evaluation } from '../../program/evaluation.js';
import { frame } from '../../program/frame.js';
import { guessedOffsets, guessedTls } from './layout.js';
import { exitFrame } from './request.js';

/** r8 = the word at r8 + offset. */
const emitFollow = (
  { assembler }: Evaluation,
  helper: 'probe_read_kernel' | 'probe_read_user',
  offset: number,
  failed: string,
): void => {
  assembler.mov('r1', 'r10').add('r1', frame.scratch).mov('r2', 8).mov('r3', 'r8').add('r3', offset);
  assembler.call(helper).jumpIf('r0', '!=', 0, failed).load('r8', 'r10', frame.scratch, 8);
};

/** The frame's words = what the thread has at those places, 0 where it has nothing. Uses r7 and r8. */
export const emitGuesses = (to: Evaluation, threadPointer: number): void => {
  const { assembler } = to;
  guessedOffsets.forEach((_, index) => {
    assembler.store('r10', exitFrame.guesses + index * 8, 0, 8);
  });
  assembler.call('get_current_task').mov('r8', 'r0');
  emitFollow(to, 'probe_read_kernel', threadPointer, 'no_guess');
  emitFollow(to, 'probe_read_user', guessedTls, 'no_guess');
  assembler.mov('r7', 'r8');
  guessedOffsets.forEach((offset, index) => {
    assembler.mov('r8', 'r7');
    emitFollow(to, 'probe_read_user', offset, 'no_guess');
    assembler.store('r10', exitFrame.guesses + index * 8, 'r8', 8);
  });
  assembler.label('no_guess');
};
