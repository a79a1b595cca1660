/** Sites of `crash:` probes: the entries of functions of the runtime. */
import { entryPlace } from '../plan/entry-places.js';
import { Refused } from '../plan/refused.js';
import type { Place, Request } from '../plan/request.js';
import { type CrashWhat, crashFunctions } from './what.js';

/** At least one. Throws Refused "unknown-function" where the program has none of them. */
export const crashPlaces = (request: Request, what: CrashWhat): readonly Place[] => {
  const names = crashFunctions[what];
  const { binary, spec } = request;
  if (spec.condition !== undefined)
    throw new Refused('unsupported-condition', `crash:${what} takes no condition; leave it out, or probe ${names[0]}.`);
  const found = names.flatMap((name) => binary.functionsNamed(name).filter(({ assembly }) => assembly !== true));
  if (found.length === 0)
    throw new Refused('unknown-function', `This program has no ${names.join(' or ')}, so there is no crash:${what}.`);
  return found.map((fn) => entryPlace(request, fn, fn.line, { value: [], problems: [] }));
};
