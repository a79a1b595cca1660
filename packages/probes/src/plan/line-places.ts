/** Sites for a source line: the function's entry where that is the same, else an instruction inside the line. */
import type { GoFunction, LineAddress } from '@probelens/gosym';
import { virtualAddress } from '@probelens/gosym';
import { entryPlace } from './entry-places.js';
import { firstLine, lineStart, runAt, unchangedParameters } from './first-line.js';
import { functionCode } from './function-code.js';
import { isAssembly } from './functions.js';
import { noCode } from './line-names.js';
import type { PlannedSite } from './plan.js';
import { Refused } from './refused.js';
import { decodeFunction, type Needs, type Place, plannedSite, type Request, shortFile } from './request.js';
import { scopeFor } from './scope-at.js';
import { doubtedAt } from './stale.js';
import type { Code } from './x86/code.js';
import type { Decoded } from './x86/decode.js';
import { firstUnharmed, type LineSite, logSites } from './x86/line-site.js';
import { type StopObstacle, stopSites } from './x86/stop-site.js';

interface Line {
  readonly file: string;
  readonly line: number;
}

const text = ({ file, line }: Line): string => `${shortFile(file)}:${line}`;

/** The calls through which an instruction came into its function; "" for the function's own code. */
const instance = (run: LineAddress): string =>
  run.chain
    .slice(1)
    .map((position) => `${position.function}:${position.line}`)
    .join(' ');

const described: Readonly<Record<LineSite['tier'], string>> = {
  1: 'a one-byte instruction inside the line, emulated',
  2: 'an instruction inside the line, single-stepped, with a sentinel on its last byte',
  nop5: 'a five-byte nop in the line, which the kernel turns into a call',
  emulated: 'an emulated instruction of the line',
  stepped: 'an instruction of the line, single-stepped',
};

const describedReturn = 'pop %rbp before the return of the line, single-stepped';

const isReturn = (instruction: Decoded, tier: LineSite['tier']): boolean =>
  tier === 'stepped' && instruction.bytes.length === 1 && instruction.mnemonic === 'pop';

const noSite = (line: Line, why: string): Refused =>
  new Refused(
    'no-line-site',
    `There is no safe place for a probe in ${text(line)}: ${why}; it stays with the debugger.`,
  );

const obstacles: Readonly<Record<StopObstacle, string>> = {
  first: 'its code is a single instruction, where a debugger breaks itself',
  branch: 'behind its first instruction there are only branches and calls',
  last: 'its only other instruction is its last, behind which the next line begins',
  statement: 'behind each of its instructions a debugger may break itself',
  store: 'it has only stores behind its first instruction',
  instruction: 'it has no plain instruction behind its first',
  bytes: 'its instructions cannot hold two probes each',
};

/** Whoever waits for a nil pointer waits for the hit at which the line fails. */
const asksForNil = ({ spec }: Request): boolean => /==\s*nil\b|\bnil\s*==/.test(spec.condition ?? '');

interface Choice {
  readonly fn: GoFunction;
  readonly code: Code;
  readonly line: Line;
  readonly sites: readonly LineSite[];
  /** Why there is no site, when there is none. */
  readonly why: string;
}

const chooser =
  (request: Request, { fn, code, line, sites, why }: Choice) =>
  (needs: Needs): PlannedSite => {
    if (sites.length === 0) throw noSite(line, why);
    const reached = request.use === 'stop' && asksForNil(request) ? sites.filter(({ mayMiss }) => !mayMiss) : sites;
    if (reached.length === 0) throw noSite(line, 'when it fails on a nil pointer, it does so before its first place');
    const site = firstUnharmed(reached, needs);
    const instruction = site && code.instructions[site.index];
    if (site === undefined || instruction === undefined) {
      throw noSite(line, 'what the condition reads is overwritten before the first instruction that can be probed');
    }
    const { tier } = site;
    const what = isReturn(instruction, tier) ? describedReturn : described[tier];
    const missed = site.mayMiss ? ', not reached when the line fails on a nil pointer' : '';
    const yielded = site.yields === true ? '; a debugger needs the place for its steps and has it meanwhile' : '';
    const reason = `${what}${missed}${yielded}.`;
    return plannedSite(request, { fn, instruction, tier, use: request.use, ...line, reason, yields: site.yields });
  };

/** One site for one copy of the line: its statement in the function itself, or in one inlined call. */
const insidePlace = (request: Request, fn: GoFunction, line: Line, copy: string): Place => {
  const { binary, use } = request;
  const { code, runs, statements, isStart, mayYield } = functionCode(binary, request.x86, fn);
  const isLine = (run: LineAddress): boolean =>
    run.chain[0]?.line === line.line && run.chain[0].file === line.file && instance(run) === copy;
  const start = lineStart(runs, statements, isLine);
  const index = start === undefined ? undefined : code.indexAt(start);
  if (start === undefined || index === undefined) throw noSite(line, 'its code cannot be decoded');
  if (code.hasUnknownJump)
    throw noSite(line, `${fn.name} jumps to computed addresses, so it is not known what is reached from where`);
  const belongs = (address: number): boolean => {
    const run = runAt(runs, address);
    return run !== undefined && isLine(run);
  };
  const { sites, obstacle } =
    use === 'stop'
      ? stopSites(request.x86, code, index, { belongs, isStart, ...(request.yielding === true && { mayYield }) })
      : { sites: logSites(code, index, belongs, isStart, request.avoid !== undefined), obstacle: 'statement' as const };
  const variables = binary.variablesAt(virtualAddress(start));
  const doubted = doubtedAt(binary, code, variables.value, start);
  return {
    function: fn.name,
    scope: scopeFor(binary, fn, variables, use === 'stop' ? 'delve' : 'go', code.frameAt(index), doubted),
    start,
    choose: chooser(request, { fn, code, line, sites, why: obstacles[obstacle] }),
  };
};

/** The entry, when the line is the `func` keyword's, or the body's first and nothing has changed before it. */
const sameAsEntry = (request: Request, fn: GoFunction, line: number): Place | undefined => {
  const { binary } = request;
  if (line === fn.line) return entryPlace(request, fn, line, binary.parametersAtEntry(fn));
  const first = firstLine(binary, fn, decodeFunction(request, fn));
  if (first.bodyLine !== line || first.bodyAddress === undefined) return undefined;
  const parameters = binary.parametersAtEntry(fn);
  const atBody = binary.variablesAt(virtualAddress(first.bodyAddress));
  const value = unchangedParameters(parameters.value, atBody.value);
  return entryPlace(request, fn, line, { value, problems: parameters.problems });
};

/**
 * The copies of a line in one function: its own code, and each call through which it was inlined. The line table, which a
 * debugger goes by, has no row where only the inlining changes; such a run belongs to what stands before it.
 */
const copiesIn = (request: Request, fn: GoFunction, { file, line }: Line): ReadonlySet<string> => {
  const runs = request.binary.linesOf(fn);
  const statements = request.binary.statementsOf(fn);
  const copies = new Set<string>();
  for (const [index, run] of runs.entries()) {
    const isLine = (each: LineAddress | undefined): boolean =>
      each?.chain[0]?.line === line && each.chain[0].file === file;
    if (!isLine(run)) continue;
    const end = runs[index + 1]?.address ?? Number.POSITIVE_INFINITY;
    const hasStatement = statements?.some((address) => address >= run.address && address < end) ?? false;
    if (hasStatement || !isLine(runs[index - 1])) copies.add(instance(run));
  }
  return copies;
};

const linePlace = (request: Request, fn: GoFunction, line: Line, copy: string): Place => {
  const own = copy === '' ? sameAsEntry(request, fn, line.line) : undefined;
  if (own !== undefined) return own;
  const statements = request.binary.statementsOf(fn);
  if (statements === undefined && request.use === 'stop') {
    throw noSite(line, 'the program has no debug information');
  }
  return insidePlace(request, fn, line, copy);
};

/**
 * Places of a line: one in each function that has code for it, and one in each inlined copy, as a debugger's breakpoint
 * has. Throws Refused.
 */
export const linePlaces = (request: Request, file: string, line: number): readonly Place[] => {
  const runs = request.binary.addressesOf(file, line).filter((run) => !run.host.generated);
  const [first] = runs;
  if (first === undefined) throw noCode(request.binary, file, line);
  const files = new Set(runs.map((run) => run.chain[0]?.file ?? ''));
  if (files.size > 1) {
    throw new Refused('ambiguous-file', `${file} could be ${[...files].join(' or ')}; write more of the path.`);
  }
  if (isAssembly(first.host)) {
    throw new Refused('assembly-function', `${first.host.name} is written in assembly; probe its caller.`);
  }
  const where: Line = { file: first.chain[0]?.file ?? file, line };
  const hosts = new Map(runs.map((run) => [run.host.index, run.host]));
  return [...hosts.values()].flatMap((fn) =>
    [...copiesIn(request, fn, where)].map((copy) => linePlace(request, fn, where, copy)),
  );
};
