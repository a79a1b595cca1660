/** DAP messages as the core sees them: the envelope is typed, the rest is passed on as it came. */

export type Json = unknown;
export type JsonObject = { readonly [key: string]: Json };

export interface Request {
  readonly seq: number;
  readonly type: 'request';
  readonly command: string;
  readonly arguments?: Json;
}

export interface Response {
  readonly seq: number;
  readonly type: 'response';
  readonly request_seq: number;
  readonly success: boolean;
  readonly command: string;
  readonly message?: string;
  readonly body?: Json;
}

export interface Event {
  readonly seq: number;
  readonly type: 'event';
  readonly event: string;
  readonly body?: Json;
}

export type Message = Request | Response | Event;

export const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object itself, or an empty one: for reading optional fields of bodies and arguments. */
export const objectOf = (value: Json): JsonObject => (isObject(value) ? value : {});

export const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : []);

export const stringOf = (value: Json): string | undefined => (typeof value === 'string' ? value : undefined);

/** A string with something in it; clients send "" for fields that were left empty. */
export const textOf = (value: Json): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value : undefined;

export const numberOf = (value: Json): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** Undefined for anything that is not a DAP message. */
export const asMessage = (value: Json): Message | undefined => {
  if (!isObject(value)) return undefined;
  const { type } = value;
  const wellFormed =
    (type === 'request' && typeof value.command === 'string' && typeof value.seq === 'number') ||
    (type === 'response' && typeof value.request_seq === 'number' && typeof value.command === 'string') ||
    (type === 'event' && typeof value.event === 'string');
  // The fields that the core relies on were just checked.
  return wellFormed ? (value as unknown as Message) : undefined;
};

/** A step of a single machine instruction. */
export const isInstructionStep = (request: Request): boolean =>
  objectOf(request.arguments).granularity === 'instruction';

const resumes: ReadonlySet<string> = new Set(['continue', 'reverseContinue', 'next', 'stepIn', 'stepOut', 'stepBack']);

/** Delve answers it, and then lets the program run. (`configurationDone` it answers behind a stop of its own, too.) */
export const isResume = (request: Request): boolean => resumes.has(request.command);
