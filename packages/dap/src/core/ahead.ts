/**
 * Gates inside a line lie behind the instruction at which steps onto that line end. Delve's own breakpoint is at that very
 * instruction, and whoever goes on from there has it behind him. So before the program goes on from such a place Delve is
 * asked whether the gate's condition holds; where it does, the gate's next hit of that goroutine is passed over in silence.
 */
import { changeGate, gateOf, stops } from './gates.js';
import { countWith } from './hit-counts.js';
import type { LaneProgress } from './lane-news.js';
import { isInstructionStep, listOf, numberOf, objectOf, type Response } from './message.js';
import type { Gate } from './state/gate.js';
import type { Hit } from './state/hit.js';
import type { LaneWork } from './state/lane-work.js';
import { changeStepping } from './tops.js';
import { pcOf } from './trap-place.js';
import type { Turn } from './turn.js';

type ResumeWork = LaneWork & { readonly kind: 'resume' };

/** Where the kernel counts the hits nobody knows whether it will tell of the next one. */
const mayLieAhead = (gate: Gate): boolean =>
  gate.owner.kind === 'breakpoint' &&
  stops(gate) &&
  gate.planned.plan.hits === undefined &&
  gate.planned.begins?.some((each) => each !== undefined) === true;

const forget = (turn: Turn, keep: (goroutine: number) => boolean): void => {
  const { ahead } = turn.state.stepping;
  if ([...ahead.keys()].every(keep)) return;
  changeStepping(turn, { ahead: new Map([...ahead].filter(([goroutine]) => keep(goroutine))) });
};

/** Gates fire for one goroutine only from now on: the others pass theirs unseen. */
export const forgetAhead = (turn: Turn, but: number | undefined): void => forget(turn, (each) => each === but);

/** Before the program goes on. Undefined: nothing can lie ahead of the goroutine that was shown last. */
export const askAhead = (turn: Turn, work: ResumeWork): LaneProgress => {
  const { target, gates, shown, kernel } = turn.state;
  const { goroutine } = target;
  if (goroutine === undefined) return undefined;
  forget(turn, (each) => each !== goroutine);
  const onward = ['continue', 'next', 'stepIn', 'stepOut'].includes(work.request.command);
  if (!onward || isInstructionStep(work.request) || target.running || kernel.bias === undefined) return undefined;
  // Whoever stopped at a gate has it behind him.
  if (shown?.hit.goroutine === goroutine || ![...gates.values()].some(mayLieAhead)) return undefined;
  turn.toDelve('stackTrace', { threadId: goroutine, startFrame: 0, levels: 1 }, { kind: 'lane' });
  return { ...work, stage: 'standing' };
};

const liesAhead = ({ planned }: Gate, pc: bigint): boolean =>
  planned.plan.sites.some(({ address }, index) => {
    const beginning = planned.begins?.[index];
    return beginning !== undefined && BigInt(beginning) <= pc && pc <= BigInt(address);
  });

/** Delve has said where it stands. Undefined: at no line with a gate ahead. */
export const onStanding = (turn: Turn, work: ResumeWork, response: Response): LaneProgress => {
  const { gates, kernel } = turn.state;
  const pc = pcOf(response);
  const frameId = numberOf(objectOf(listOf(objectOf(response.body).stackFrames)[0]).id);
  if (pc === undefined || frameId === undefined) return undefined;
  const linked = pc - (kernel.bias ?? 0n);
  const gate = [...gates.values()].find((each) => mayLieAhead(each) && liesAhead(each, linked));
  if (gate?.condition === undefined) return undefined;
  turn.toDelve('evaluate', { expression: gate.condition, frameId, context: 'watch' }, { kind: 'lane' });
  return { ...work, stage: 'judging', ahead: gate.probe };
};

export const onJudged = (turn: Turn, { ahead: probe }: ResumeWork, response: Response): void => {
  const { goroutine } = turn.state.target;
  if (goroutine === undefined || probe === undefined || objectOf(response.body).result !== 'true') return;
  changeStepping(turn, { ahead: new Map(turn.state.stepping.ahead).set(goroutine, probe) });
};

/** True once: the hit of a gate that lay ahead. It counts, as with Delve, which has counted when the goroutine got there. */
export const passAhead = (turn: Turn, { goroutine, probe, number }: Hit): boolean => {
  if (turn.state.stepping.ahead.get(goroutine) !== probe) return false;
  forget(turn, (each) => each !== goroutine);
  const gate = gateOf(turn, probe);
  if (gate !== undefined) changeGate(turn, { ...gate, counted: countWith(gate, number) });
  return true;
};
