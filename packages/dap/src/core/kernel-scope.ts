/** The "Kernel" scope on the frames of a goroutine that a gate stopped: what only the kernel knows of the hit. */
import { kernelReference } from './ids.js';
import { type JsonObject, listOf, numberOf, objectOf, type Request, type Response } from './message.js';
import type { Gate } from './state/gate.js';
import type { Hit, ShownHit } from './state/hit.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';

/** A hit that waited while others were shown says nothing about how fast a stop is. */
const latencyOf = (hit: Hit, stopTime: bigint | undefined): bigint | undefined => {
  const latency = stopTime === undefined ? undefined : stopTime - hit.time;
  return latency === undefined || latency < 0n ? undefined : latency;
};

export const rememberHit = (turn: Turn, gate: Gate, hit: Hit): void => {
  const { counted } = turn.state.gates.get(gate.probe) ?? gate;
  const text = `breakpoint at ${gate.planned.function}${gate.condition === undefined ? '' : ` if ${gate.condition}`}`;
  const latency = latencyOf(hit, turn.state.stopTime);
  turn.update({ shown: { hit, text, counted, latency, frames: new Set() } });
};

/** Frames of the goroutine that was hit, from a `stackTrace` of the client's. */
export const rememberFrames = (turn: Turn, request: Request, response: Response): void => {
  const { shown } = turn.state;
  if (shown === undefined || request.command !== 'stackTrace' || !response.success) return;
  if (numberOf(objectOf(request.arguments).threadId) !== shown.hit.goroutine) return;
  const ids = listOf(objectOf(response.body).stackFrames).map((frame) => numberOf(objectOf(frame).id));
  const frames = new Set([...shown.frames, ...ids.filter((id) => id !== undefined)]);
  turn.update({ shown: { ...shown, frames } });
};

export const withKernelScope = ({ shown }: SessionState, request: Request, response: Response): Response => {
  if (shown === undefined || request.command !== 'scopes' || !response.success) return response;
  const frame = numberOf(objectOf(request.arguments).frameId);
  if (frame === undefined || !shown.frames.has(frame)) return response;
  const body = objectOf(response.body);
  const scope: JsonObject = { name: 'Kernel', variablesReference: kernelReference, expensive: false };
  return { ...response, body: { ...body, scopes: [...listOf(body.scopes), scope] } };
};

/** "12.3 us", "1.5 ms". */
const spokenTime = (nanoseconds: bigint): string => {
  const us = Number(nanoseconds) / 1_000;
  return us < 1_000 ? `${us.toFixed(1)} us` : `${(us / 1_000).toFixed(1)} ms`;
};

const rowsOf = ({ hit, text, counted, latency }: ShownHit): readonly (readonly [string, string, string])[] => [
  ['probe', text, ''],
  ['hits', String(counted), 'int'],
  ['goroutine', String(hit.goroutine), 'int'],
  ['thread', String(hit.thread), 'int'],
  ['CPU', String(hit.cpu), 'int'],
  ['time', `${hit.time} ns since the machine started`, ''],
  ...(latency === undefined ? [] : [['latency', spokenTime(latency), ''] as const]),
  ...hit.values.map(({ name, type, text: value }) => [name, value, type] as const),
];

/** True when it was ours; a reference from an earlier stop has nothing left to show. */
export const onKernelVariables = (turn: Turn, request: Request): boolean => {
  if (numberOf(objectOf(request.arguments).variablesReference) !== kernelReference) return false;
  const rows = turn.state.shown === undefined ? [] : rowsOf(turn.state.shown);
  const variables = rows.map(([name, value, type]) => ({ name, value, type, variablesReference: 0 }));
  turn.answer(request, { variables });
  return true;
};
