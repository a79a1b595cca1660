/**
 * Where Delve is about to write an int3, and gates stand: at one address a uprobe hides Delve's breakpoint, and taking the
 * two apart corrupts the program. So the gate goes first, and comes back elsewhere, or Delve takes its breakpoint too.
 */
import { isSiteBeside } from './beside.js';
import { dropGate, removeGates } from './gates.js';
import { listOf, objectOf, type Request } from './message.js';
import { addOneAgain } from './probes.js';
import { setAgain } from './set-again.js';
import type { GroupKey, Want } from './state/breakpoints.js';
import type { Gate } from './state/gate.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';
import { instructionAddress } from './wants.js';

/** Wants of a group that become Delve's and were not before. */
export const newInDelve = (state: SessionState, group: GroupKey, wants: readonly Want[]): readonly Want[] => {
  const before = state.groups.get(group)?.placed.filter(({ home }) => home === 'delve') ?? [];
  return wants.filter(({ key }) => !before.some((old) => old.key === key));
};

/** One too many costs being planned again. */
export const isBeside = (gate: Gate, group: GroupKey, wants: readonly Want[]): boolean =>
  gate.planned.plan.sites.some((site) => wants.some((want) => isSiteBeside(site, group, want)));

/** The gates are being disarmed: what becomes of their owners as soon as Delve has written. */
export const comeBack = (turn: Turn, gates: readonly Gate[], group: GroupKey): void => {
  const { queue } = turn.state.lane;
  turn.update({ lane: { ...turn.state.lane, queue: [] } });
  const fallen = new Map(turn.state.fallen);
  const groups = new Set<GroupKey>();
  for (const { owner, id } of gates) {
    if (owner.kind === 'probe') addOneAgain(turn, id);
    else if (owner.kind === 'filter' || owner.kind === 'armed-threads') continue;
    else if (owner.group !== group) groups.add(owner.group);
    else fallen.set(`${group}\n${owner.key}`, "In Delve: it has another breakpoint at the gate's place.");
  }
  turn.update({ fallen });
  for (const key of groups) setAgain(turn, key);
  turn.update({ lane: { ...turn.state.lane, queue: [...turn.state.lane.queue, ...queue] } });
};

/** A program whose place is unknown keeps the bits within a page. */
const pageSize = 4096n;

const covers = (gate: Gate, address: bigint, bias: bigint | undefined): boolean =>
  gate.planned.plan.sites.some((site) => {
    const distance = address - BigInt(site.address) - (bias ?? 0n);
    const within = bias === undefined ? BigInt.asUintN(12, distance) % pageSize : distance;
    // The byte behind the gate too: Delve takes the gate's trap for its own there.
    return within >= 0n && within <= BigInt(site.instruction.length / 2);
  });

/** Gates on or right before an address in memory go; true when they are being disarmed in the lane. */
export const removeGatesAt = (turn: Turn, address: bigint): boolean => {
  const { gates, kernel } = turn.state;
  const inTheWay = [...gates.values()].filter((gate) => covers(gate, address, kernel.bias));
  if (inTheWay.length === 0) return false;
  const probes = inTheWay.map(({ probe }) => probe);
  comeBack(turn, inTheWay, '');
  removeGates(turn, probes);
  turn.emit({ kind: 'disarm', ticket: turn.laneTicket(), probes });
  return true;
};

/** True when the request has to wait behind gates that stand in its way; it is in the lane again then. */
export const makeWay = (turn: Turn, request: Request): boolean => {
  if (request.command !== 'setInstructionBreakpoints') return false;
  const addresses = listOf(objectOf(request.arguments).breakpoints)
    .map(instructionAddress)
    .filter((address) => address !== undefined);
  const { gates, kernel, lane } = turn.state;
  const inTheWay = [...gates.values()].filter((gate) =>
    addresses.some((address) => covers(gate, address, kernel.bias)),
  );
  if (inTheWay.length === 0) return false;
  turn.update({ lane: { ...lane, queue: [] } });
  for (const gate of inTheWay) {
    const what = gate.owner.kind === 'probe' ? `probe ${gate.id} is removed` : 'Delve takes this breakpoint too';
    dropGate(
      turn,
      gate,
      `Delve was given a breakpoint on an instruction of ${gate.planned.function} where the kernel had one, so ${what}.`,
    );
  }
  turn.queue({ kind: 'forward', request, sent: false });
  turn.update({ lane: { ...turn.state.lane, queue: [...turn.state.lane.queue, ...lane.queue] } });
  return true;
};
