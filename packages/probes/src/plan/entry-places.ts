/** The site at a function's entry: for the function itself, the line of its `func` keyword, and often its first line. */
import type { Degraded, GoFunction, GoVariable } from '@probelens/gosym';
import { functionsCalled, isAssembly } from './functions.js';
import { Refused } from './refused.js';
import { decodePrologue, type Place, plannedSite, type Request, shortFile } from './request.js';
import { packageOf, scopeFor } from './scope-at.js';
import { type EntrySite, entrySite } from './x86/entry-site.js';

/** At and before `push %rbp` the return address is all that the call has added to the stack. */
const entryFrame = { register: 'rsp', offset: 8 } as const;

/** A debugger's breakpoint on a function stops in its inlined copies too; a log that misses them must say so. */
const reportCopies = (request: Request, fn: GoFunction): void => {
  const copies = request.binary.inlinedCopiesOf(fn.name);
  const [first] = copies;
  if (first === undefined) return;
  const where = `${first.caller} (${shortFile(first.file)}:${first.line})${copies.length > 1 ? ` and ${copies.length - 1} more` : ''}`;
  const message = `${fn.name} was also inlined into ${where}, which a probe on its own code does not see`;
  if (request.use === 'stop') {
    throw new Refused('partly-inlined', `${message}; the breakpoint stays with the debugger.`);
  }
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

/** The entry of one function, with what can be read there. Throws Refused. */
export const entryPlace = (
  request: Request,
  fn: GoFunction,
  line: number,
  variables: Degraded<readonly GoVariable[]>,
): Place => {
  reportCopies(request, fn);
  const found = entrySite(decodePrologue(request, fn));
  if (found !== undefined) return place(request, fn, found, line, variables);
  throw new Refused(
    'no-entry-site',
    `${fn.name} sets up no frame, so it has no instruction at its entry that can be probed cheaply; probe a line inside it or its callers.`,
  );
};

export const functionPlaces = (request: Request, name: string): readonly Place[] =>
  functionsCalled(request.binary, name).map((fn) =>
    entryPlace(request, fn, fn.line, request.binary.parametersAtEntry(fn)),
  );

const nothing: Degraded<readonly GoVariable[]> = { value: [], problems: [] };

/** "pkg" or "pkg/..." against the import path of a function. */
const inPackage = (pattern: string): ((name: string) => boolean) => {
  if (!pattern.endsWith('/...')) return (name) => packageOf(name) === pattern;
  const root = pattern.slice(0, -'/...'.length);
  return (name) => {
    const path = packageOf(name);
    return path === root || path.startsWith(`${root}/`);
  };
};

/** Every function of a package that has a site; how many have none is noted. */
export const packagePlaces = (request: Request, pattern: string): readonly Place[] => {
  if (request.use === 'stop') {
    throw new Refused(
      'unsupported-use',
      'A whole package can be counted or logged, but not stopped at; name a function.',
    );
  }
  const belongs = inPackage(pattern);
  const { condition, action } = request.spec;
  const reads = condition !== undefined || (action.kind === 'log' && action.template !== undefined);
  const places: Place[] = [];
  const without: string[] = [];
  for (const fn of request.binary.functions()) {
    if (fn.generated || !belongs(fn.name)) continue;
    const found = isAssembly(fn) ? undefined : entrySite(decodePrologue(request, fn));
    if (found === undefined) without.push(fn.name);
    else places.push(place(request, fn, found, fn.line, reads ? request.binary.parametersAtEntry(fn) : nothing));
  }
  if (places.length + without.length === 0) {
    throw new Refused('unknown-package', `There is no function of ${pattern} in this program; check the import path.`);
  }
  if (without.length > 0) {
    const examples = without.slice(0, 3).join(', ');
    request.notes.push({
      code: 'functions-without-site',
      message: `${without.length} of ${places.length + without.length} functions set up no frame and are left out (${examples}${without.length > 3 ? ', ...' : ''}).`,
    });
  }
  return places;
};
