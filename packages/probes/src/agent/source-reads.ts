/** How a program reads the fields of its event, which is its context. r6 = the context. */
import { lengthOf } from '../plan/source-expressions.js';
import type { Evaluation, EventReads } from '../program/evaluation.js';
import { frame, scratchBytes } from '../program/frame.js';
import { ProgramError } from '../program/program-error.js';
import type { FieldRead, SourceField, TextRead } from './source-fields.js';

type NumberRead = Extract<FieldRead, { kind: 'number' }>;

/** r8 = the number, extended to 64 bits. */
export const emitNumberField = (to: Evaluation, { offset, width, signed }: NumberRead): void => {
  const { assembler } = to;
  assembler.load('r8', 'r6', offset, width);
  const spare = 64 - width * 8;
  if (signed && spare > 0) assembler.lsh('r8', spare).arsh('r8', spare);
};

/** r3 = address of the text. Returns the helper that reads it. */
export const emitTextAddress = (to: Evaluation, read: TextRead): 'probe_read_kernel_str' | 'probe_read_user_str' => {
  const { assembler } = to;
  if (read.kind === 'user-text') {
    assembler.load('r3', 'r6', read.offset, 8);
    return 'probe_read_user_str';
  }
  if (read.kind === 'task-text') {
    assembler.call('get_current_task').mov('r3', 'r0').add('r3', read.offset);
    return 'probe_read_kernel_str';
  }
  if (read.kind === 'located-text') {
    assembler.load('r2', 'r6', read.offset, 4).and('r2', 0xffff);
    // From the end of the word itself, or from the start of the record.
    assembler
      .mov('r3', 'r6')
      .add('r3', read.from === 'field' ? read.offset + 4 : 0)
      .add('r3', 'r2');
  } else assembler.mov('r3', 'r6').add('r3', read.offset);
  return 'probe_read_kernel_str';
};

/** The scratch area = the text with its NUL, r8 = its length. */
const emitScratchText = (to: Evaluation, read: TextRead): void => {
  const { assembler } = to;
  const helper = emitTextAddress(to, read);
  assembler.mov('r1', 'r10').add('r1', frame.scratch).mov('r2', scratchBytes).call(helper);
  // Bytes with the NUL, or a negative errno.
  assembler.jumpIf('r0', 's<=', 0, to.fault).mov('r8', 'r0').sub('r8', 1);
};

const isText = (read: FieldRead | undefined): read is TextRead =>
  read !== undefined && read.kind !== 'number' && read.kind !== 'second';

/** The reads of expressions, which name fields; in the event of the second thread or of the first. */
export const eventReads = (fields: readonly SourceField[], second: boolean): EventReads => {
  const byName = new Map(fields.flatMap(({ capture, read }) => (read === undefined ? [] : [[capture.name, read]])));
  const texts = new Map(fields.map(({ capture }) => [lengthOf(capture.name), byName.get(capture.name)]));
  const unknown = (name: string): never => {
    throw new ProgramError(`the event has no field ${name}`);
  };
  return {
    emitField(to, name) {
      const read = byName.get(name);
      const text = texts.get(name);
      if (read?.kind === 'number') emitNumberField(to, read);
      else if (read?.kind === 'second') to.assembler.mov('r8', second ? 1 : 0);
      else if (isText(text)) emitScratchText(to, text);
      else unknown(name);
    },
    emitText(to, name) {
      const read = byName.get(name);
      if (isText(read)) emitScratchText(to, read);
      else unknown(name);
    },
  };
};
