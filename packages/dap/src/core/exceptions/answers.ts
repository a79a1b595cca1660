/**
 * What setExceptionBreakpoints is answered. Delve passes over what it does not know; the protocol wants one answer for each
 * filter, in the order of the request (`filters`, then `filterOptions`).
 */
import { usualDelveFilters } from '../capabilities.js';
import { type JsonObject, listOf, objectOf, type Request, type Response, stringOf } from '../message.js';
import type { SessionState } from '../state/state.js';
import { announcedFilters, filterNamed } from './filters.js';

export const filterNames = (request: Request): readonly string[] => {
  const { filters, filterOptions } = objectOf(request.arguments);
  return [
    ...listOf(filters).map((each) => stringOf(each) ?? ''),
    ...listOf(filterOptions).map((each) => stringOf(objectOf(each).filterId) ?? ''),
  ];
};

const refused = (message: string): JsonObject => ({ verified: false, message });

const unknown = (name: string, delves: readonly string[]): JsonObject => {
  const known = [...delves, ...announcedFilters.map(({ filter }) => filter)].join(', ');
  return refused(`There is no exception filter "${name}": choose among ${known}.`);
};

/** `delves`: the names of Delve's own filters; none without it. */
const answerTo = (name: string, { kernel, probeOnly }: SessionState, delves: readonly string[]): JsonObject => {
  if (delves.includes(name)) return { verified: true };
  if (probeOnly !== undefined && usualDelveFilters.includes(name))
    return refused(`"${name}" is Delve's, and this session has no Delve: choose "crash" instead.`);
  const own = filterNamed(name);
  if (own === undefined || own.hidden === true) return unknown(name, delves);
  const lost = kernel.state === 'off' || kernel.state === 'unavailable';
  if (!lost) return { verified: true };
  return refused(`The kernel cannot watch for "${own.label}": ${kernel.reason ?? 'it is not used in this session.'}`);
};

export const filterAnswers = (names: readonly string[], state: SessionState): readonly JsonObject[] =>
  names.map((name) => answerTo(name, state, state.probeOnly === undefined ? state.delveFilters : []));

/** Delve's own answer where it knows every name. */
export const withFilterAnswers = (response: Response, names: readonly string[], state: SessionState): Response =>
  !response.success || names.every((name) => state.delveFilters.includes(name))
    ? response
    : { ...response, body: { ...objectOf(response.body), breakpoints: filterAnswers(names, state) } };
