/** From a descriptor of the current task to the id of the eBPF object behind it, in the kernel. */
import type { Evaluation } from '../../program/evaluation.js';
import { frame } from '../../program/frame.js';
import type { KernelObjects } from './objects.js';
import { exitFrame } from './request.js';

/** r8 = the word at r8 + offset in kernel memory. */
const emitFollow = ({ assembler }: Evaluation, offset: number, bytes: 4 | 8, failed: string): void => {
  assembler.mov('r1', 'r10').add('r1', frame.scratch).mov('r2', bytes).mov('r3', 'r8').add('r3', offset);
  assembler.call('probe_read_kernel').jumpIf('r0', '!=', 0, failed).load('r8', 'r10', frame.scratch, bytes);
};

/**
 * The frame's word at `at` = the id of what the descriptor in r8 names, left as it is where that cannot be read. Uses r7.
 * task -> files -> table -> file -> object, as fdget does (fs/file.c).
 */
export const emitObjectId = (
  to: Evaluation,
  objects: KernelObjects,
  kind: 'program' | 'map' | 'link',
  at: number,
): void => {
  const { assembler } = to;
  const failed = assembler.freshLabel('no_id');
  assembler.mov('r7', 'r8').call('get_current_task').mov('r8', 'r0');
  emitFollow(to, objects.files, 8, failed);
  emitFollow(to, objects.table, 8, failed);
  assembler.store('r10', exitFrame.position, 'r8', 8);
  emitFollow(to, objects.limit, 4, failed);
  assembler.jumpIf('r7', '>=', 'r8', failed).load('r8', 'r10', exitFrame.position, 8);
  emitFollow(to, objects.descriptors, 8, failed);
  assembler.lsh('r7', 3).add('r8', 'r7');
  emitFollow(to, 0, 8, failed);
  assembler.jumpIf('r8', '==', 0, failed);
  emitFollow(to, objects.object, 8, failed);
  assembler.jumpIf('r8', '==', 0, failed);
  if (kind === 'program') {
    assembler.store('r10', exitFrame.position, 'r8', 8);
    emitFollow(to, objects.programTag, 8, failed);
    assembler.store('r10', exitFrame.tag, 'r8', 8).load('r8', 'r10', exitFrame.position, 8);
    emitFollow(to, objects.programAux, 8, failed);
    emitFollow(to, objects.auxId, 4, failed);
  } else emitFollow(to, kind === 'map' ? objects.mapId : objects.linkId, 4, failed);
  assembler.store('r10', at, 'r8', 8).label(failed);
};
