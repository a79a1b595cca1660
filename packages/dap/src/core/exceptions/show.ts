/**
 * Events of exception filters. Where the program lives on, it is paused and the stop is shown as an exception; where it is
 * about to end, the sentence comes before the end that it explains.
 */
import type { ProbeEvent } from '@probelens/probes';
import { type Event, numberOf, objectOf, type Request, textOf } from '../message.js';
import type { Gate } from '../state/gate.js';
import type { Hit } from '../state/hit.js';
import type { Turn } from '../turn.js';
import type { Told } from './filter.js';
import { filterNamed } from './filters.js';

const say = (turn: Turn, told: Told): void => turn.sayOnce(told.description, 'stderr');

const canPause = (turn: Turn): boolean => {
  const { probeOnly, target, held, exception, delve } = turn.state;
  return (
    probeOnly === undefined && delve === 'ready' && target.running && held === undefined && exception === undefined
  );
};

export const onFilterEvent = (turn: Turn, gate: Gate, event: ProbeEvent): void => {
  const { owner } = gate;
  const told = owner.kind === 'filter' ? filterNamed(owner.filter)?.tell(event) : undefined;
  // What this session itself does to end the program is no news.
  if (told === undefined || turn.state.ending !== undefined || turn.state.probeOnly?.leaving !== undefined) return;
  if (!told.stops || !canPause(turn)) {
    say(turn, told);
    return;
  }
  const { pid, goroutine } = turn.state.target;
  const own = event.pid === pid && event.goid !== '0' ? Number(event.goid) : undefined;
  turn.update({ exception: { told, goroutine: own, stage: 'pausing' } });
  turn.toDelve('pause', { threadId: own ?? goroutine ?? 1 }, { kind: 'exception-pause' });
};

const toldOf = (gate: Gate, values: Hit['values'], cause: ProbeEvent | undefined): Told | undefined => {
  const row = gate.owner.kind === 'filter' ? filterNamed(gate.owner.filter) : undefined;
  if (cause !== undefined) return row?.tell(cause);
  return typeof row?.place === 'function' ? row.place(values, gate.planned.function) : row?.place;
};

/** What the kernel tells is a line, its verdict a sentence. */
const ended = (description: string): string => (description.endsWith('.') ? description : `${description}.`);

/** A stop because of a filter's event; remembered for `exceptionInfo`. `more`: a further sentence. */
export const exceptionOf = (
  turn: Turn,
  gate: Gate,
  { cause, goroutine, values }: Pick<Hit, 'cause' | 'goroutine' | 'values'>,
  more?: string,
): Told | undefined => {
  const known = toldOf(gate, values, cause);
  const told = known && more !== undefined ? { ...known, description: `${ended(known.description)} ${more}` } : known;
  if (told !== undefined) turn.update({ exception: { told, goroutine, stage: 'shown' } });
  return told;
};

/** Delve's stop as the client is to see it. */
export const asException = (turn: Turn, event: Event): Event => {
  const { exception } = turn.state;
  if (exception?.stage !== 'pausing') return event;
  const body = objectOf(event.body);
  if (textOf(body.reason) !== 'pause') {
    // Something else stopped the program first.
    turn.update({ exception: undefined });
    say(turn, exception.told);
    return event;
  }
  turn.update({ exception: { ...exception, stage: 'shown' } });
  const threadId = exception.goroutine ?? numberOf(body.threadId);
  const { description, id } = exception.told;
  return { ...event, body: { ...body, reason: 'exception', threadId, description: id, text: description } };
};

/** The program did not live to be stopped, or Delve would not stop it. */
export const giveUpException = (turn: Turn): void => {
  const { exception } = turn.state;
  if (exception === undefined) return;
  turn.update({ exception: undefined });
  if (exception.stage === 'pausing') say(turn, exception.told);
};

/** True when the client asks for one of ours; Delve knows its own. */
export const onExceptionInfo = (turn: Turn, request: Request): boolean => {
  const { exception } = turn.state;
  if (exception?.stage !== 'shown') return false;
  const { id, description } = exception.told;
  turn.answer(request, {
    exceptionId: id,
    description,
    breakMode: 'always',
    details: { message: description, typeName: id },
  });
  return true;
};
