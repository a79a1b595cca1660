/**
 * `initialize` is answered before Delve runs, because only the launch arguments say which Delve it will be (or that
 * there is one already). What Delve really offers is compared when it greets, and a difference is sent as a
 * `capabilities` event.
 */
import { errors } from '../errors.js';
import { announcedFilters } from './exceptions/filters.js';
import type { JsonObject, Request } from './message.js';
import { isObject, listOf, objectOf, textOf } from './message.js';
import type { Turn } from './turn.js';

/** Delve 1.27.2, service/dap/server.go, onInitializeRequest, on linux/amd64. */
const delveCapabilities: JsonObject = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsEvaluateForHovers: true,
  exceptionBreakpointFilters: [
    { filter: 'unrecovered-panic', label: 'Unrecovered Panics', default: true },
    { filter: 'runtime-fatal-throw', label: 'Fatal Throws', default: true },
  ],
  supportsSetVariable: true,
  supportsRestartRequest: true,
  supportsExceptionInfoRequest: true,
  supportsDelayedStackTraceLoading: true,
  supportsLogPoints: true,
  supportsDataBreakpoints: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsClipboardContext: true,
  supportsSteppingGranularity: true,
  supportsInstructionBreakpoints: true,
};

/** Ours come on top. Helix never disconnects from an adapter without supportsTerminateRequest. */
const filtersName = 'exceptionBreakpointFilters';

const ownCapabilities: JsonObject = {
  supportsTerminateRequest: true,
  supportsCompletionsRequest: true,
  supportsSingleThreadExecutionRequests: true,
  supportsStepInTargetsRequest: true,
};

/** The three demands of Delve, in its words; checked here because Delve may not be running yet. */
const objection = (args: JsonObject): string | undefined => {
  if ((args.pathFormat ?? 'path') !== 'path') return `Unsupported 'pathFormat' value '${String(args.pathFormat)}'.`;
  if (args.linesStartAt1 === false) return 'Only 1-based line numbers are supported.';
  if (args.columnsStartAt1 === false) return 'Only 1-based column numbers are supported.';
  return undefined;
};

export const onInitialize = (turn: Turn, request: Request): void => {
  const args = objectOf(request.arguments);
  const wrong = objection(args);
  if (wrong !== undefined) {
    turn.refuse(request, errors.noInitialize(wrong));
    return;
  }
  const id = typeof args.clientID === 'string' ? args.clientID : undefined;
  turn.update({ client: { ...turn.state.client, id, initialize: args } });
  turn.answer(request, withOwnFilters({ ...delveCapabilities, ...ownCapabilities }));
};

/** Behind Delve's own. */
const withOwnFilters = (capabilities: JsonObject): JsonObject =>
  capabilities[filtersName] === undefined
    ? capabilities
    : { ...capabilities, [filtersName]: [...listOf(capabilities[filtersName]), ...announcedFilters] };

/** Names of the exception filters in Delve's answer to `initialize`. */
export const filtersIn = (capabilities: unknown): readonly string[] =>
  listOf(objectOf(capabilities)[filtersName])
    .map((each) => textOf(objectOf(each).filter))
    .filter((name) => name !== undefined);

export const usualDelveFilters = filtersIn(delveCapabilities);

/** What to send to Delve as `initialize`: the client's own, with the defaults that Delve does not have. */
export const initializeForDelve = (args: JsonObject | undefined): JsonObject => ({
  pathFormat: 'path',
  linesStartAt1: true,
  columnsStartAt1: true,
  ...args,
});

/** Capabilities of the real Delve that differ from what was announced. */
export const differences = (body: unknown): JsonObject | undefined => {
  if (!isObject(body)) return undefined;
  const changed: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(body), ...Object.keys(delveCapabilities)])) {
    if (name in ownCapabilities) continue;
    const real = body[name] ?? false;
    if (JSON.stringify(real) !== JSON.stringify(delveCapabilities[name] ?? false)) changed[name] = real;
  }
  return Object.keys(changed).length === 0 ? undefined : withOwnFilters(changed);
};
