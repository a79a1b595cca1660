/**
 * Probes that switch each other (`then arm N`): one word for each number of the client's list, 0 = on, 1 = off. A program
 * that can be switched looks at its own word before it counts anything; a program with `then` writes the others' words
 * when its condition holds. So a switch takes effect for the next instruction that any processor executes.
 */
import type { MapReference } from '@probelens/bpf';
import type { ProbeSpec } from '../spec/spec.js';
import type { Evaluation } from './evaluation.js';
import { frame, temporary } from './frame.js';
import { recordFlags } from './record.js';

/** Numbers are from 1 on. An array of u64, an element for each: the agent sets one and leaves the others alone. */
export const mostSwitches = 1023;
export const switchesEntries = mostSwitches + 1;
export const switchSize = 8;

/** r0 = address of the word; the kernel inlines look-ups in arrays. Goes to `missing`, which happens to nobody. */
const emitWordAddress = (to: Evaluation, switches: MapReference, number: number, missing: string): void => {
  to.assembler.store('r10', temporary(0), number, 8).loadMap('r1', switches).mov('r2', 'r10').add('r2', temporary(0));
  to.assembler.call('map_lookup_elem').jumpIf('r0', '==', 0, missing);
};

/** Leaves at `out` while the probe of this number is off. */
export const emitSwitchGuard = (to: Evaluation, switches: MapReference, number: number, out: string): void => {
  emitWordAddress(to, switches, number, out);
  to.assembler.load('r1', 'r0', 0, 8).jumpIf('r1', '!=', 0, out);
};

/** Switches others, unless the condition could not be judged. */
export const emitThen = (to: Evaluation, switches: MapReference, effects: ProbeSpec['onMatch']): void => {
  const { assembler } = to;
  const words = (effects ?? []).flatMap((each) =>
    each.kind === 'snapshot' ? [] : [{ number: each.probe, value: each.kind === 'arm' ? 0 : 1 }],
  );
  if (words.length === 0) return;
  const unsure = assembler.freshLabel('unsure');
  assembler.load('r1', 'r10', frame.flags, 8).and('r1', recordFlags.faulted).jumpIf('r1', '!=', 0, unsure);
  for (const { number, value } of words) {
    emitWordAddress(to, switches, number, unsure);
    assembler.store('r0', 0, value, 8);
  }
  assembler.label(unsure);
};
