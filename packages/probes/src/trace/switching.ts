/** Probes of a list that switch each other: who can be switched, and how each begins. */
import * as failure from './failure.js';
import type { TraceRequest } from './request.js';

const switchesOthers = ({ spec }: TraceRequest): boolean =>
  (spec.onMatch ?? []).some(({ kind }) => kind !== 'snapshot');

/**
 * The requests with their places in the list, those that switch or are switched. Throws `AgentFailure` for a number that
 * the list has not.
 */
export const switchedRequests = (requests: readonly TraceRequest[]): readonly TraceRequest[] => {
  const of = requests.length;
  const switched = new Set<number>();
  const armed = new Set<number>();
  for (const [index, { names, spec }] of requests.entries()) {
    for (const each of spec.onMatch ?? []) {
      if (each.kind === 'snapshot') continue;
      if (each.probe > of) throw failure.notListed(names.text, each.probe, of);
      switched.add(each.probe);
      // Who arms itself would otherwise never begin.
      if (each.kind === 'arm' && each.probe !== index + 1) armed.add(each.probe);
    }
  }
  return requests.map((request, index) => {
    const number = index + 1;
    const { initially } = request.spec;
    if (!switched.has(number) && initially === undefined && !switchesOthers(request)) return request;
    const spec = { ...request.spec, initially: initially ?? (armed.has(number) ? 'off' : 'on') };
    return { ...request, spec, plan: request.plan && { ...request.plan, spec }, place: { number, of } };
  });
};
