/** Every place where a function was inlined, and its own body if there is one. */
import type { InlinedCopy } from '@probelens/gosym';
import { functionPlaces } from './entry-places.js';
import { type FunctionCode, functionCode } from './function-code.js';
import { Refused } from './refused.js';
import { type Place, plannedSite, type Request, shortFile } from './request.js';
import { scopeFor } from './scope-at.js';
import { doubtedAt } from './stale.js';
import { firstUnharmed, logSites } from './x86/line-site.js';

const placeOf = (request: Request, copy: InlinedCopy, host: FunctionCode): Place | undefined => {
  const { binary } = request;
  const [low, high] = copy.ranges[0] ?? [];
  const index = low === undefined ? undefined : host.code.indexAt(low);
  if (low === undefined || high === undefined || index === undefined || host.code.hasUnknownJump) return undefined;
  const belongs = (address: number): boolean => address >= low && address < high;
  const sites = logSites(host.code, index, belongs, host.isStart, request.avoid !== undefined);
  if (sites.length === 0) return undefined;
  const variables = binary.variablesAt(low);
  const doubted = doubtedAt(binary, host.code, variables.value, low);
  const where = `inlined into ${copy.caller} at ${shortFile(copy.file)}:${copy.line}`;
  return {
    function: copy.callee,
    scope: scopeFor(binary, copy.host, variables, 'go', host.code.frameAt(index), doubted),
    start: low,
    choose: (needs) => {
      const site = firstUnharmed(sites, needs);
      const instruction = site && host.code.instructions[site.index];
      if (site === undefined || instruction === undefined) {
        throw new Refused(
          'no-line-site',
          `${copy.callee}, ${where}: what is read is overwritten before it can be probed.`,
        );
      }
      const reason = `${where}${copy.approximate ? ' (the tables only bound the copy)' : ''}.`;
      const { file, line } = copy;
      return plannedSite(request, { fn: copy.host, instruction, tier: site.tier, use: 'log', file, line, reason });
    },
  };
};

/** Throws Refused when there is no copy, or when a stop is asked for. */
export const copyPlaces = (request: Request, name: string): readonly Place[] => {
  if (request.use === 'stop') {
    throw new Refused(
      'unsupported-use',
      `Inlined copies of ${name} can be counted and logged; breakpoints on them stay with the debugger.`,
    );
  }
  const copies = request.binary.inlinedCopiesOf(name);
  const hosts = new Map<number, FunctionCode>();
  const places: Place[] = [];
  for (const copy of copies) {
    const host = hosts.get(copy.host.index) ?? functionCode(request.binary, request.x86, copy.host);
    hosts.set(copy.host.index, host);
    const place = placeOf(request, copy, host);
    if (place !== undefined) places.push(place);
  }
  const lost = copies.length - places.length;
  if (lost > 0) {
    request.notes.push({
      code: 'copies-without-site',
      message: `${lost} of ${copies.length} inlined copies of ${name} were merged with other code and cannot be probed.`,
    });
  }
  const written = request.binary.functionsNamed(name).filter((fn) => !fn.generated);
  const quiet: Request = { ...request, notes: [] };
  if (written.length > 0) places.push(...functionPlaces(quiet, name));
  if (places.length > 0) return places;
  const [first] = copies;
  if (first !== undefined) {
    const where = `${shortFile(first.file)}:${first.line}`;
    const others = copies.length > 1 ? ` (and ${copies.length - 1} more places)` : '';
    throw new Refused(
      'no-copy-site',
      `${name} was inlined into ${first.caller} at ${where}${others}, where the compiler merged it with other code, so it has no place of its own; probe the line ${where}, or build with -gcflags=-l.`,
    );
  }
  throw new Refused('not-inlined', `${name} was not inlined anywhere in this program; probe ${name} itself.`);
};
