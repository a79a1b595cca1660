/**
 * Moments: what the kernel recorded of one goroutine at one instant, its values and its callers, to be looked at when
 * the goroutine has long gone on. Snapshots are moments, and so is every stop of a session without a debugger.
 */
import type { ProbeEvent } from '@probelens/probes';
import { errors } from '../errors.js';
import { bareThread, momentFrame, momentOfFrame, momentSlot } from './ids.js';
import { type JsonObject, numberOf, objectOf, type Request } from './message.js';
import type { Gate } from './state/gate.js';
import type { Moment, MomentFrame, MomentQuestion, Moments } from './state/moments.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';

/** A kilobyte or two each; a person looks at the latest ones. */
const mostSnapshots = 300;

export const change = (turn: Turn, difference: Partial<Moments>): void => {
  turn.update({ moments: { ...turn.state.moments, ...difference } });
};

const momentFrom = (number: number, kind: Moment['kind'], gate: Gate, event: ProbeEvent): Moment => {
  const site = gate.planned.plan.sites[event.site ?? 0] ?? gate.planned;
  return {
    number,
    kind,
    gate: gate.id,
    place: { function: site.function, file: site.file, line: site.line },
    goroutine: Number(event.goid),
    thread: event.tid,
    cpu: event.cpu,
    time: BigInt(event.time),
    values: event.values,
    stack: event.stack ?? [],
    stackTop: event.stackTop,
    frames: undefined,
    cause: event.bpf === undefined ? undefined : event,
  };
};

/** The new ones; of snapshots only the latest stay. */
export const keepMoments = (
  turn: Turn,
  kind: Moment['kind'],
  seen: readonly { readonly gate: Gate; readonly event: ProbeEvent }[],
): readonly Moment[] => {
  if (seen.length === 0) return [];
  const { moments } = turn.state;
  const added = seen.map(({ gate, event }, index) => momentFrom(moments.count + index + 1, kind, gate, event));
  const kept = new Map(moments.kept);
  for (const moment of added.slice(-mostSnapshots)) kept.set(momentSlot(moment.number), moment);
  const snapshots = [...kept].filter(([, moment]) => moment.kind === 'snapshot');
  const excess = Math.max(0, snapshots.length - mostSnapshots);
  for (const [slot] of snapshots.slice(0, excess)) kept.delete(slot);
  // A batch of more than are kept loses some on the way.
  const forgotten = moments.forgotten + excess + Math.max(0, added.length - mostSnapshots);
  const listed = new Set([...moments.listed].filter((slot) => kept.has(slot)));
  change(turn, { count: moments.count + added.length, forgotten, kept, listed });
  return added;
};

/** The program goes on: what it was stopped at is history, and numbers of variables mean nothing any more. */
export const forgetHalts = (turn: Turn): void => {
  const kept = new Map([...turn.state.moments.kept].filter(([, moment]) => moment.kind === 'snapshot'));
  change(turn, { kept });
};

/** The DAP thread that a goroutine's stop is shown as. */
export const threadOfMoment = ({ goroutine, thread }: Moment): number =>
  goroutine === 0 ? bareThread(thread) : goroutine;

export const momentAtFrame = (
  { moments }: SessionState,
  request: Request,
): { readonly moment: Moment; readonly depth: number } | undefined => {
  const frame = momentOfFrame(numberOf(objectOf(request.arguments).frameId) ?? 0);
  const moment = frame === undefined ? undefined : moments.kept.get(frame.slot);
  return frame === undefined || moment === undefined ? undefined : { moment, depth: frame.depth };
};

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** As Delve's frames look; lines from 1 because Helix subtracts one. */
const shownFrame = (
  moment: Moment,
  { name, file, line, address }: MomentFrame,
  depth: number,
): readonly JsonObject[] => {
  const id = momentFrame(moment.number, depth);
  if (id === undefined) return [];
  const source = file === undefined ? {} : { source: { name: baseName(file), path: file } };
  return [{ id, name, ...source, line: Math.max(1, line), column: 0, instructionPointerReference: address }];
};

export const answerFrames = (turn: Turn, request: Request, moment: Moment, frames: readonly MomentFrame[]): void => {
  const args = objectOf(request.arguments);
  const start = numberOf(args.startFrame) ?? 0;
  const levels = numberOf(args.levels) ?? 0;
  const shown = frames.flatMap((frame, depth) => shownFrame(moment, frame, depth));
  const stackFrames = shown.slice(start, levels > 0 ? start + levels : undefined);
  turn.answer(request, { stackFrames, totalFrames: shown.length });
};

/** The answer follows when the addresses have names. */
export const askFrames = (turn: Turn, moment: Moment, question: MomentQuestion): void => {
  const ticket = turn.ticket();
  const { asking } = turn.state.moments;
  change(turn, { asking: new Map(asking).set(ticket, { slot: momentSlot(moment.number), question }) });
  turn.emit({ kind: 'symbolise', ticket, stack: moment.stack, top: moment.stackTop });
};

/** A breakpoint on the first line of a body sits at the entry, which belongs to the line of the declaration. */
const atPlace = (moment: Moment, frames: readonly MomentFrame[]): readonly MomentFrame[] => {
  const [first, ...rest] = frames;
  if (first === undefined || first.file !== moment.place.file || first.name !== moment.place.function) return frames;
  return [{ ...first, line: moment.place.line }, ...rest];
};

/** Undefined when nobody waits for it any more. */
export const onSymbolised = (
  turn: Turn,
  ticket: number,
  found: readonly MomentFrame[],
): { readonly moment: Moment; readonly question: MomentQuestion } | undefined => {
  const asked = turn.state.moments.asking.get(ticket);
  if (asked === undefined) return undefined;
  const { slot, question } = asked;
  const asking = new Map(turn.state.moments.asking);
  asking.delete(ticket);
  const moment = turn.state.moments.kept.get(slot);
  change(turn, { asking });
  if (moment === undefined) {
    if (question.as === 'stack') turn.answer(question.request, { stackFrames: [], totalFrames: 0 });
    else turn.refuse(question.request, errors.staleReference());
    return undefined;
  }
  const { place } = moment;
  // Events of the kernel are in no file of the program: they stand above its frames, where there are any.
  const only: MomentFrame = { name: place.function, file: place.file || undefined, line: place.line, address: '0x0' };
  const frames = found.length === 0 || place.file === '' ? [only, ...found] : atPlace(moment, found);
  const whole = { ...moment, frames };
  change(turn, { kept: new Map(turn.state.moments.kept).set(slot, whole) });
  return { moment: whole, question };
};
