/** The probes that this session has in the kernel: taking them out of the books, and what happens when they are lost. */

import { delveReason } from './delve-reason.js';
import { giveUpLent } from './hand-over.js';
import { doubt } from './remains.js';
import { setAgain } from './set-again.js';
import type { Gate } from './state/gate.js';
import type { Turn } from './turn.js';

/** Stopping ones only: log and count probes never trap. */
export const stops = (gate: Gate): boolean => gate.planned.plan.spec.action.kind === 'stop';

export const anyStops = (turn: Turn): boolean => [...turn.state.gates.values()].some(stops);

/** Of a hit: its gate may be out of the kernel already. */
export const gateOf = (turn: Turn, probe: number): Gate | undefined =>
  turn.state.gates.get(probe) ?? turn.state.retired.get(probe);

export const changeGate = (turn: Turn, gate: Gate): void => {
  const where = turn.state.gates.has(gate.probe) ? 'gates' : 'retired';
  turn.update({ [where]: new Map(turn.state[where]).set(gate.probe, gate) });
};

/** Their hits are forgotten; a trap that is still on its way is passed over silently. */
export const removeGates = (turn: Turn, probes: readonly number[]): void => {
  const gone = new Set(probes);
  const gates = new Map(turn.state.gates);
  const leaving = new Map(turn.state.losses.leaving);
  for (const probe of gone) {
    const gate = gates.get(probe);
    if (gate !== undefined) leaving.set(probe, gate);
    gates.delete(probe);
  }
  const leftovers = new Map(turn.state.leftovers);
  for (const hit of turn.state.hits) if (gone.has(hit.probe)) leftovers.set(hit.goroutine, hit.at);
  const losses = { ...turn.state.losses, leaving };
  turn.update({ gates, leftovers, losses, hits: turn.state.hits.filter((hit) => !gone.has(hit.probe)) });
};

/** Everything is out of the kernel, and not by our wish: conditions become Delve's. */
export const loseKernel = (turn: Turn, reason: string): void => {
  const groups = new Set<string>(giveUpLent(turn));
  for (const gate of turn.state.gates.values()) if (gate.owner.kind === 'breakpoint') groups.add(gate.owner.group);
  const { hits, leftovers, gates, target, ending } = turn.state;
  if (!target.exited && ending === undefined) doubt(turn);
  removeGates(turn, [...gates.keys()]);
  turn.kernel({ state: 'unavailable', reason, focus: undefined });
  const asked = new Map(turn.state.asked);
  for (const [id, probe] of asked) asked.set(id, { ...probe, state: 'gone', probe: undefined, message: reason });
  turn.update({ asked });
  if (target.exited || ending !== undefined) return;
  turn.sayOnce(`Breakpoints go back to Delve: ${reason}`);
  // What is known already is shown, and what Delve is being asked about one of them has its answer.
  turn.update({ hits, leftovers, retired: gates });
  if (hits.length > 0) {
    // Delve's own breakpoint may lie just ahead, in the same call.
    turn.say('Hits that wait are shown first; a goroutine may stop once more where Delve has the breakpoint now.');
  }
  for (const group of groups) setAgain(turn, group);
};

/** One gate does not do what it should: Delve takes its breakpoint. */
export const dropGate = (turn: Turn, gate: Gate, reason: string): void => {
  turn.sayOnce(reason);
  if (gate.owner.kind === 'filter' || gate.owner.kind === 'armed-threads') return;
  if (gate.owner.kind !== 'breakpoint') {
    turn.queue({ kind: 'remove-probe', id: gate.id, stage: 'new', waiting: undefined });
    return;
  }
  const { group, key } = gate.owner;
  turn.update({ fallen: new Map(turn.state.fallen).set(`${group}\n${key}`, delveReason(reason)) });
  setAgain(turn, group);
};
