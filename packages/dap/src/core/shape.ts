/**
 * Requests whose arguments have the wrong JSON types. Delve 1.27.2 ends its whole session at the first one that its
 * decoder does not take (service/dap/server.go, ServeDAPCodec: everything but an unknown command triggers a stop), and
 * with it a program that it has launched. So they are refused here. Names of fields mean the same in every request.
 */
import { isObject, type Json, type JsonObject, type Request } from './message.js';

type Kind = 'a whole number' | 'a text' | 'true or false' | 'a list' | 'an object';

const named = (kind: Kind, ...names: readonly string[]): readonly (readonly [string, Kind])[] =>
  names.map((name) => [name, kind]);

/** Debug Adapter Protocol 1.68, without fields that take anything (dataId) and those that are read here only. */
const kinds: ReadonlyMap<string, Kind> = new Map([
  ...named('a whole number', 'threadId', 'frameId', 'targetId', 'sourceReference', 'variablesReference'),
  ...named('a whole number', 'line', 'column', 'endLine', 'endColumn', 'startFrame', 'levels', 'start', 'count'),
  ...named('a whole number', 'offset', 'instructionOffset', 'instructionCount', 'bytes', 'startModule', 'moduleCount'),
  ...named('a text', 'expression', 'context', 'filter', 'name', 'value', 'memoryReference', 'instructionReference'),
  ...named(
    'a text',
    'condition',
    'hitCondition',
    'logMessage',
    'granularity',
    'mode',
    'data',
    'path',
    'origin',
    'text',
  ),
  ...named('a text', 'filterId', 'presentationHint', 'clientID', 'clientName', 'adapterID', 'locale', 'pathFormat'),
  ...named('true or false', 'singleThread', 'restart', 'terminateDebuggee', 'suspendDebuggee', 'resolveSymbols'),
  ...named('true or false', 'allowPartial', 'sourceModified', 'linesStartAt1', 'columnsStartAt1', 'asAddress', 'hex'),
  ...named('a list', 'breakpoints', 'lines', 'filters', 'filterOptions', 'exceptionOptions', 'threadIds', 'sources'),
  ...named('an object', 'source', 'format'),
]);

const isOf = (kind: Kind, value: Json): boolean => {
  switch (kind) {
    case 'a whole number':
      return Number.isSafeInteger(value);
    case 'a text':
      return typeof value === 'string';
    case 'true or false':
      return typeof value === 'boolean';
    case 'a list':
      return Array.isArray(value);
    case 'an object':
      return isObject(value);
  }
};

/** What the items of a list must be. */
const items: Readonly<Record<string, Kind>> = {
  breakpoints: 'an object',
  filterOptions: 'an object',
  exceptionOptions: 'an object',
  sources: 'an object',
  lines: 'a whole number',
  threadIds: 'a whole number',
  filters: 'a text',
};

/** `"breakpoints[1].line" must be a whole number`; null and absent fields are as good as none. */
const complaint = (value: JsonObject, path: string): string | undefined => {
  for (const [name, field] of Object.entries(value)) {
    const kind = kinds.get(name);
    if (kind === undefined || field === null || field === undefined) continue;
    const found = fieldComplaint(field, kind, `${path}${name}`, items[name]);
    if (found !== undefined) return found;
  }
  return undefined;
};

const fieldComplaint = (field: Json, kind: Kind, path: string, each: Kind | undefined): string | undefined => {
  if (!isOf(kind, field)) return `"${path}" must be ${kind}`;
  if (isObject(field)) return complaint(field, `${path}.`);
  if (!Array.isArray(field) || each === undefined) return undefined;
  for (const [index, item] of field.entries()) {
    const found = item === null ? undefined : fieldComplaint(item, each, `${path}[${index}]`, undefined);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** Delve's decoder knows these; of any other command it says so without a look at its arguments. */
const decoded = new Set([
  ...['initialize', 'disconnect', 'terminate', 'configurationDone', 'breakpointLocations', 'setBreakpoints'],
  ...['setFunctionBreakpoints', 'setExceptionBreakpoints', 'setDataBreakpoints', 'setInstructionBreakpoints'],
  ...['dataBreakpointInfo', 'continue', 'next', 'stepIn', 'stepOut', 'stepBack', 'reverseContinue', 'restartFrame'],
  ...['goto', 'gotoTargets', 'pause', 'stackTrace', 'scopes', 'variables', 'setVariable', 'source'],
  ...['terminateThreads', 'modules', 'loadedSources', 'evaluate', 'setExpression', 'stepInTargets', 'completions'],
  ...['exceptionInfo', 'readMemory', 'writeMemory', 'disassemble', 'cancel', 'locations'],
]);

/** What is wrong with the arguments, for the end of a sentence; undefined when Delve's decoder takes them. */
export const misshapen = (request: Request): string | undefined => {
  const { command, arguments: args } = request;
  if (!decoded.has(command) || args === undefined || args === null) return undefined;
  return isObject(args) ? complaint(args, '') : 'its arguments must be an object';
};
