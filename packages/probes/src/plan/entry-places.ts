/** The site at a function's entry: for the function itself, the line of its `func` keyword, and often its first line. */
import { type Degraded, type GoFunction, type GoVariable, virtualAddress } from '@probelens/gosym';
import { functionCode } from './function-code.js';
import { functionsCalled, inPackage, isAssembly } from './functions.js';
import { Refused } from './refused.js';
import { decodeFunction, decodePrologue, type Place, plannedSite, type Request, shortFile } from './request.js';
import { scopeFor } from './scope-at.js';
import { codeOf } from './x86/code.js';
import { afterStackCheck, type EntrySite, entrySite } from './x86/entry-site.js';
import { tableTargets } from './x86/jump-tables.js';
import { firstUnharmed, logSites } from './x86/line-site.js';
import { stopSites } from './x86/stop-site.js';

/** At and before `push %rbp` the return address is all that the call has added to the stack. */
const entryFrame = { register: 'rsp', offset: 8 } as const;

/** A log that misses a function's inlined copies must say so. */
const reportCopies = (request: Request, fn: GoFunction): void => {
  const copies = request.binary.inlinedCopiesOf(fn.name);
  const [first] = copies;
  if (first === undefined) return;
  const where = `${first.caller} (${shortFile(first.file)}:${first.line})${copies.length > 1 ? ` and ${copies.length - 1} more` : ''}`;
  const message = `${fn.name} was also inlined into ${where}, which a probe on its own code does not see`;
  request.notes.push({ code: 'partly-inlined', message: `${message}; probe "${fn.name} inlined" for all of it.` });
};

const place = (
  request: Request,
  fn: GoFunction,
  found: EntrySite,
  line: number,
  variables: Degraded<readonly GoVariable[]>,
): Place => {
  const where = found.first ? 'at the entry (the function does not check the stack)' : 'after the stack check';
  const site = plannedSite(request, {
    fn,
    instruction: found.instruction,
    tier: 1,
    use: request.use,
    file: fn.file,
    line,
    reason: `push %rbp ${where}: one byte, emulated, passed once per call.`,
  });
  const semantics = request.use === 'stop' ? 'delve' : 'go';
  return {
    function: fn.name,
    scope: scopeFor(request.binary, fn, variables, semantics, entryFrame),
    start: undefined,
    choose: () => site,
  };
};

const noEntry = (fn: GoFunction, why: string): Refused =>
  new Refused(
    'no-entry-site',
    `${fn.name} has no place at its entry that can be probed: ${why}; probe a line inside it or its callers.`,
  );

/**
 * Functions without `push %rbp`: the first instruction after the stack check for logging, and for stopping one inside the
 * same line that can hold a sentinel. Both are passed once per call.
 */
const framelessPlace = (
  request: Request,
  fn: GoFunction,
  line: number,
  variables: Degraded<readonly GoVariable[]>,
): Place => {
  const { binary, use } = request;
  const { code, isStart } = functionCode(binary, request.x86, fn);
  const index = afterStackCheck(code.instructions);
  if (index === undefined || code.hasUnknownJump) throw noEntry(fn, 'its first instructions are passed more than once');
  const end = fn.entry + fn.size;
  const belongs = (address: number): boolean => address < end;
  const sites =
    use === 'stop'
      ? stopSites(request.x86, code, index, { belongs, isStart }).sites
      : logSites(code, index, belongs, isStart, request.avoid !== undefined);
  return {
    function: fn.name,
    scope: scopeFor(binary, fn, variables, use === 'stop' ? 'delve' : 'go', entryFrame),
    start: undefined,
    choose: (needs) => {
      const site = firstUnharmed(sites, needs);
      const instruction = site && code.instructions[site.index];
      if (site === undefined || instruction === undefined)
        throw noEntry(fn, 'it sets up no frame, and no instruction before its first branch will do');
      const reason = `${site.tier === 2 ? 'an instruction near the entry with a sentinel on its last byte' : 'an instruction at the entry'}; the function sets up no frame.`;
      return plannedSite(request, { fn, instruction, tier: site.tier, use, file: fn.file, line, reason });
    },
  };
};

/** The entry of one function, with what can be read there. Throws Refused. */
export const entryPlace = (
  request: Request,
  fn: GoFunction,
  line: number,
  variables: Degraded<readonly GoVariable[]>,
): Place => {
  const found = entrySite(decodePrologue(request, fn));
  return found === undefined
    ? framelessPlace(request, fn, line, variables)
    : place(request, fn, found, line, variables);
};

/** The own code of a function: all instantiations of a generic one. Throws Refused. */
export const bodyPlaces = (request: Request, name: string): readonly Place[] =>
  functionsCalled(request.binary, name).map((fn) => {
    reportCopies(request, fn);
    return entryPlace(request, fn, fn.line, request.binary.parametersAtEntry(fn));
  });

/**
 * Of a function that sets up no frame, or sets it up as before Go 1.21: an instruction at its entry that the kernel
 * emulates, always reached. Single-stepped ones are too dear for a whole package.
 */
const cheapPlace = (request: Request, fn: GoFunction): Place | undefined => {
  const instructions = decodeFunction(request, fn);
  const tables = tableTargets(instructions, (address, count) =>
    request.binary.pointersAt(virtualAddress(address), count),
  );
  const code = codeOf(instructions, tables, () => false);
  const index = afterStackCheck(code.instructions);
  if (index === undefined || code.hasUnknownJump) return undefined;
  const end = fn.entry + fn.size;
  const sites = logSites(
    code,
    index,
    (address) => address < end,
    () => true,
    request.avoid !== undefined,
  );
  const site = sites.find(({ tier, mayMiss }) => !mayMiss && (tier === 'emulated' || tier === 'nop5'));
  const instruction = site && code.instructions[site.index];
  if (site === undefined || instruction === undefined) return undefined;
  const reason = 'an instruction at the entry; the function sets up no frame.';
  return {
    function: fn.name,
    scope: scopeFor(request.binary, fn, nothing, 'go', entryFrame),
    start: undefined,
    choose: () =>
      plannedSite(request, { fn, instruction, tier: site.tier, use: 'log', file: fn.file, line: fn.line, reason }),
  };
};

const nothing: Degraded<readonly GoVariable[]> = { value: [], problems: [] };

/** Every function of a package that has a site; how many have none is noted. */
export const packagePlaces = (request: Request, pattern: string): readonly Place[] => {
  if (request.use === 'stop') {
    throw new Refused(
      'unsupported-use',
      'A whole package can be counted or logged, but not stopped at; name a function.',
    );
  }
  const belongs = inPackage(pattern, request.binary.mainPackage);
  const { condition, action } = request.spec;
  const reads = condition !== undefined || (action.kind === 'log' && action.template !== undefined);
  const places: Place[] = [];
  const without: string[] = [];
  for (const fn of request.binary.functions()) {
    if (fn.generated || !belongs(fn.name)) continue;
    const found = isAssembly(fn) ? undefined : entrySite(decodePrologue(request, fn));
    const cheap = found !== undefined || reads || isAssembly(fn) ? undefined : cheapPlace(request, fn);
    if (found !== undefined)
      places.push(place(request, fn, found, fn.line, reads ? request.binary.parametersAtEntry(fn) : nothing));
    else if (cheap !== undefined) places.push(cheap);
    else without.push(fn.name);
  }
  if (places.length + without.length === 0) {
    throw new Refused('unknown-package', `There is no function of ${pattern} in this program; check the import path.`);
  }
  if (places.length === 0) {
    throw new Refused(
      'no-entry-site',
      `No function of ${pattern} has a place at its entry for ${reads ? 'what the probe reads' : 'a probe on all of them'}; name one of them.`,
    );
  }
  if (without.length > 0) {
    const examples = without.slice(0, 3).join(', ');
    request.notes.push({
      code: 'functions-without-site',
      message: `${without.length} of ${places.length + without.length} functions have no cheap place at their entry and are left out (${examples}${without.length > 3 ? ', ...' : ''}).`,
    });
  }
  return places;
};
