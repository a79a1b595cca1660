/**
 * What single clients cannot stand, read in their sources (Helix 079a789, dap-mode 7372c42). Everybody else gets what
 * Delve sends.
 */
import type { JsonObject, Message } from './message.js';
import { isObject, listOf, numberOf, objectOf } from './message.js';
import type { SessionState } from './state/state.js';

/** Helix asks for the stack of every thread, one by one, each with a patience of 20 s. */
const threadsForHelix = 16;

const isHelix = (state: SessionState): boolean => state.client.id === 'hx';

/** dap-mode calls itself "vscode", but cannot start child sessions, as VS Code can since 2022. */
export const isDapMode = (state: SessionState): boolean =>
  state.client.id === 'vscode' && state.client.initialize?.supportsStartDebuggingRequest !== true;

// A message of any type keeps its type.
const withBody = (message: Message, body: JsonObject): Message => ({ ...message, body }) as Message;

/** The goroutine that stopped is among the few. */
const fewThreads = (message: Message, body: JsonObject, selected: number | undefined): Message => {
  const threads = listOf(body.threads);
  if (threads.length <= threadsForHelix) return message;
  const mine = threads.filter((thread) => numberOf(objectOf(thread).id) === selected);
  const others = threads.filter((thread) => !mine.includes(thread));
  return withBody(message, { ...body, threads: [...mine, ...others].slice(0, threadsForHelix) });
};

const helixResponse = (message: Message & { type: 'response' }, state: SessionState): Message => {
  const body = objectOf(message.body);
  if (message.command === 'threads') return fewThreads(message, body, state.target.goroutine);
  if (message.command !== 'stackTrace') return message;
  // It indexes its table of stacks after a failed request, and panics.
  if (!message.success) return { ...message, success: true, body: { stackFrames: [], totalFrames: 0 } };
  const stackFrames = listOf(body.stackFrames).map((frame) =>
    // Its lines are unsigned and it subtracts one.
    isObject(frame) && (numberOf(frame.line) ?? 0) < 1 ? { ...frame, line: 1 } : frame,
  );
  return withBody(message, { ...body, stackFrames });
};

/** Undefined: this client is better off without the message. */
export const mannered = (message: Message, state: SessionState): Message | undefined => {
  if (message.type === 'event' && message.event === 'stopped') {
    const body = objectOf(message.body);
    // Delve leaves out a zero; Helix cannot do without the field.
    if (numberOf(body.threadId) === undefined)
      return mannered(withBody(message, { ...body, threadId: state.target.goroutine ?? 1 }), state);
  }
  if (!isHelix(state)) return message;
  if (message.type === 'response') return helixResponse(message, state);
  // It takes any thread event, `exited` too, for the thread to look at.
  if (message.type === 'event' && message.event === 'thread') return undefined;
  if (message.type === 'event' && message.event === 'exited') {
    const body = objectOf(message.body);
    const code = numberOf(body.exitCode) ?? 0;
    // Unsigned there. 128 + signal is what a shell makes of it.
    return code < 0 ? withBody(message, { ...body, exitCode: 128 - code }) : message;
  }
  return message;
};
