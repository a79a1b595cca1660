/**
 * Snapshots: moments that did not stop the program. Nothing shows them unasked: a second `stopped` makes nvim-dap resume
 * the program, and a `thread` event makes Helix leave the thread it looks at. So the console lists them; one that is
 * opened is answered as a tree, and is a thread among the others in the answer to `threads`, with frames and values.
 */
import { errors } from '../errors.js';
import { momentOfThread, momentSlot, momentThread } from './ids.js';
import { type JsonObject, listOf, numberOf, objectOf, type Request, type Response } from './message.js';
import { treeOf } from './moment-values.js';
import { answerFrames, askFrames, change, onSymbolised } from './moments.js';
import type { Moment, MomentFrame } from './state/moments.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';

const snapshotsOf = ({ moments }: SessionState): readonly Moment[] =>
  [...moments.kept.values()].filter(({ kind }) => kind === 'snapshot');

const who = ({ number, goroutine, thread }: Moment): string =>
  `snapshot ${number}: ${goroutine === 0 ? `thread ${thread}` : `goroutine ${goroutine}`}`;

const valuesText = ({ values }: Moment): string => values.map(({ name, text }) => `${name}: ${text}`).join(', ');

export const snapshotText = (moment: Moment): string =>
  `${who(moment)}, ${moment.place.function}(${valuesText(moment)})`;

/** What fits a console. */
const mostLines = 50;

export const onSnapshotsCommand = (turn: Turn, request: Request): void => {
  const all = snapshotsOf(turn.state);
  const shown = all.slice(-mostLines);
  const lines = shown.map(snapshotText);
  if (all.length > shown.length) lines.unshift(`(${all.length - shown.length} earlier ones are kept)`);
  const { forgotten } = turn.state.moments;
  if (forgotten > 0) lines.unshift(`(${forgotten} older ones were given up: the latest ${all.length} are kept)`);
  const none = 'No snapshots. A probe takes them: probe main.f if x > 3 do snapshot';
  turn.answer(request, { result: lines.length === 0 ? none : lines.join('\n'), variablesReference: 0 });
};

/**
 * Arguments: none; answers `{ snapshots: [{ number, threadId, goroutine, time, function, values }], dropped }`, time in
 * decimal nanoseconds, `dropped` = older ones that are not kept.
 */
export const onSnapshotsRequest = (turn: Turn, request: Request): void => {
  const snapshots = snapshotsOf(turn.state).map((moment) => ({
    number: moment.number,
    threadId: momentThread(moment.number),
    goroutine: moment.goroutine,
    time: String(moment.time),
    function: moment.place.function,
    values: Object.fromEntries(moment.values.map(({ name, text }) => [name, text])),
  }));
  turn.answer(request, { snapshots, dropped: turn.state.moments.forgotten });
};

/** `snapshot 3`, `snapshot close`. */
export const onSnapshotCommand = (turn: Turn, request: Request, rest: string): void => {
  if (rest === 'close') {
    change(turn, { listed: new Set() });
    turn.answer(request, { result: 'No snapshot is among the threads any more.', variablesReference: 0 });
    return;
  }
  const number = Number(rest);
  const moment = snapshotsOf(turn.state).find((each) => each.number === number);
  if (moment === undefined) {
    turn.refuse(request, errors.console(`There is no snapshot "${rest}" (any more); "snapshots" lists them.`));
    return;
  }
  change(turn, { listed: new Set(turn.state.moments.listed).add(momentSlot(number)) });
  askFrames(turn, moment, { request, as: 'text' });
};

const frameText = ({ name, file, line }: MomentFrame): string =>
  file === undefined ? `    ${name}` : `    ${name} (${file}:${line})`;

export const onFramesKnown = (turn: Turn, ticket: number, found: readonly MomentFrame[]): void => {
  const known = onSymbolised(turn, ticket, found);
  if (known === undefined) return;
  const { moment, question } = known;
  const frames = moment.frames ?? [];
  if (question.as === 'stack') answerFrames(turn, question.request, moment, frames);
  else {
    const result = [snapshotText(moment), ...frames.map(frameText)].join('\n');
    turn.answer(question.request, { result, variablesReference: treeOf(turn, moment) });
  }
};

const listedOf = ({ moments }: SessionState): readonly Moment[] =>
  [...moments.listed].flatMap((slot) => moments.kept.get(slot) ?? []);

/** The snapshots that the person opened, as threads. */
export const snapshotThreads = (state: SessionState): readonly JsonObject[] =>
  listedOf(state).map((moment) => ({ id: momentThread(moment.number), name: who(moment) }));

export const withSnapshots = (state: SessionState, response: Response): Response => {
  if (state.moments.listed.size === 0 || response.command !== 'threads' || !response.success) return response;
  const body = objectOf(response.body);
  return { ...response, body: { ...body, threads: [...listOf(body.threads), ...snapshotThreads(state)] } };
};

/** The stack of a thread that stands for a snapshot; true when it was one, also one that is gone. */
export const onSnapshotStack = (turn: Turn, request: Request): boolean => {
  const slot = momentOfThread(numberOf(objectOf(request.arguments).threadId) ?? 0);
  if (slot === undefined) return false;
  const moment = turn.state.moments.kept.get(slot);
  if (moment === undefined) turn.answer(request, { stackFrames: [], totalFrames: 0 });
  else if (moment.frames !== undefined) answerFrames(turn, request, moment, moment.frames);
  else askFrames(turn, moment, { request, as: 'stack' });
  return true;
};
