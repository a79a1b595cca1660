/** Every place where a function was inlined, and its own body if there is one. */
import type { GoFunction, InlinedCopy, LineAddress } from '@probelens/gosym';
import { bodyPlaces, entryPlace } from './entry-places.js';
import { runAt } from './first-line.js';
import { type FunctionCode, functionCode } from './function-code.js';
import { functionsCalled, inlinedCopies, instantiations } from './functions.js';
import { Refused } from './refused.js';
import { type Place, plannedSite, type Request, shortFile } from './request.js';
import { scopeFor } from './scope-at.js';
import { doubtedAt } from './stale.js';
import { firstUnharmed, type LineSite, logSites } from './x86/line-site.js';
import { stopSites } from './x86/stop-site.js';

/** A copy that has no place, and why; one sentence's end. */
interface Lost {
  readonly copy: InlinedCopy;
  readonly why: string;
}

const whereOf = ({ caller, file, line }: InlinedCopy): string =>
  `inlined into ${caller}${file === '' ? '' : ` at ${shortFile(file)}:${line}`}`;

const sameLine = (run: LineAddress | undefined, other: LineAddress | undefined): boolean =>
  run !== undefined &&
  run.chain.length === other?.chain.length &&
  run.chain.every(({ function: name, line }, level) => {
    const there = other.chain[level];
    return there?.function === name && there.line === line;
  });

/**
 * A debugger's breakpoint on the function is at the copy's lowest address (FindFunctionLocation, pkg/proc/bininfo.go of
 * Delve 1.27). A stop has to be passed as often, and to show the same line.
 */
const sitesOf = (request: Request, copy: InlinedCopy, host: FunctionCode): readonly LineSite[] => {
  const [low = -1, high = -1] = copy.ranges[0] ?? [];
  const index = host.code.indexAt(low);
  if (index === undefined || host.code.hasUnknownJump) return [];
  const isInside = (address: number): boolean => address >= low && address < high;
  if (request.use === 'log') {
    return logSites(host.code, index, isInside, host.isStart, request.avoid !== undefined);
  }
  if (host.statements === undefined) return [];
  const first = runAt(host.runs, low);
  const belongs = (address: number): boolean => isInside(address) && sameLine(runAt(host.runs, address), first);
  return stopSites(request.x86, host.code, index, { belongs, isStart: host.isStart }).sites;
};

const placeOf = (request: Request, copy: InlinedCopy, host: FunctionCode): Place | Lost => {
  const { binary, use } = request;
  const [low] = copy.ranges[0] ?? [];
  const sites = sitesOf(request, copy, host);
  const index = low === undefined ? undefined : host.code.indexAt(low);
  if (sites.length === 0 || low === undefined || index === undefined) {
    const why = use === 'stop' ? 'no instruction of its first line can hold a stop' : 'it was merged with other code';
    return { copy, why };
  }
  const variables = binary.variablesAt(low);
  const doubted = doubtedAt(binary, host.code, variables.value, low);
  const semantics = use === 'stop' ? 'delve' : 'go';
  return {
    function: copy.callee,
    scope: scopeFor(binary, copy.host, variables, semantics, host.code.frameAt(index), doubted),
    start: low,
    choose: (needs) => {
      const site = firstUnharmed(sites, needs);
      const instruction = site && host.code.instructions[site.index];
      if (site === undefined || instruction === undefined) {
        throw new Refused(
          'no-line-site',
          `${copy.callee}, ${whereOf(copy)}: what is read is overwritten before it can be probed.`,
        );
      }
      const reason = `${whereOf(copy)}${copy.approximate ? ' (the tables only bound the copy)' : ''}.`;
      const { file, line } = copy;
      return plannedSite(request, { fn: copy.host, instruction, tier: site.tier, use, file, line, reason });
    },
  };
};

interface Copies {
  readonly total: number;
  readonly places: readonly Place[];
  readonly lost: readonly Lost[];
}

const copiesOf = (request: Request, name: string): Copies => {
  const copies = inlinedCopies(request.binary, name);
  const hosts = new Map<number, FunctionCode>();
  const all = copies.map((copy) => {
    const host = hosts.get(copy.host.index) ?? functionCode(request.binary, request.x86, copy.host);
    hosts.set(copy.host.index, host);
    return placeOf(request, copy, host);
  });
  const places = all.flatMap((each) => ('choose' in each ? [each] : []));
  const lost = all.flatMap((each) => ('choose' in each ? [] : [each]));
  return { total: copies.length, places, lost };
};

const lostText = (name: string, { total, lost }: Copies): string => {
  const shown = lost.slice(0, 3).map(({ copy, why }) => `${whereOf(copy)} (${why})`);
  const more = lost.length - shown.length;
  return `${lost.length} of ${total} inlined copies of ${name} cannot be probed: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};

const noPlace = (name: string, copies: readonly InlinedCopy[]): Refused => {
  const [first] = copies;
  if (first === undefined) {
    return new Refused('not-inlined', `${name} was not inlined anywhere in this program; probe ${name} itself.`);
  }
  const where = `${shortFile(first.file)}:${first.line}`;
  const others = copies.length > 1 ? ` (and ${copies.length - 1} more places)` : '';
  return new Refused(
    'no-copy-site',
    `${name} was inlined into ${first.caller} at ${where}${others}, where the compiler merged it with other code, so it has no place of its own; probe the line ${where}, or build with -gcflags=-l.`,
  );
};

const hasCode = ({ binary }: Request, name: string): boolean => {
  const own = binary.functionsNamed(name);
  return (own.length > 0 ? own : instantiations(binary, name)).some((fn) => !fn.generated);
};

/** What was asked for by "inlined": the copies that have a place, with a note of the others. Throws Refused without any. */
export const copyPlaces = (request: Request, name: string): readonly Place[] => {
  const copies = copiesOf(request, name);
  if (copies.lost.length > 0 && request.use === 'stop' && copies.places.length > 0) {
    throw new Refused('partly-inlined', `${lostText(name, copies)}; the breakpoint stays with the debugger.`);
  }
  if (copies.lost.length > 0) {
    request.notes.push({ code: 'copies-without-site', message: `${lostText(name, copies)}.` });
  }
  const quiet: Request = { ...request, notes: [] };
  const places = [...copies.places, ...(hasCode(request, name) ? bodyPlaces(quiet, name) : [])];
  if (places.length > 0) return places;
  throw noPlace(
    name,
    copies.lost.map(({ copy }) => copy),
  );
};

/** A breakpoint on a function stops in every copy of it, or it is the debugger's. */
const stopPlaces = (request: Request, name: string, bodies: readonly GoFunction[]): readonly Place[] => {
  const names = bodies.length > 0 ? [...new Set(bodies.map((fn) => fn.name))] : [name];
  const copies = names.flatMap((each) => {
    const found = copiesOf(request, each);
    if (found.lost.length === 0) return found.places;
    throw new Refused('partly-inlined', `${lostText(each, found)}; the breakpoint stays with the debugger.`);
  });
  return [...bodies.map((fn) => entryPlace(request, fn, fn.line, request.binary.parametersAtEntry(fn))), ...copies];
};

/** A function by its name. A log is of its own code, with a note of its copies; a stop is of both. Throws Refused. */
export const functionPlaces = (request: Request, name: string): readonly Place[] => {
  if (request.use === 'log') return bodyPlaces(request, name);
  const isCopiesOnly = !hasCode(request, name) && inlinedCopies(request.binary, name).length > 0;
  return stopPlaces(request, name, isCopiesOnly ? [] : functionsCalled(request.binary, name));
};
