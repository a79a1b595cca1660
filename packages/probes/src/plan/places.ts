/** Where a probe goes: from its target to sites, by the rules that keep debugger and program unharmed. */
import type { Degraded, GoBinary, GoFunction, GoVariable } from '@probelens/gosym';
import { hex, virtualAddress } from '@probelens/gosym';
import type { ProbeSpec } from '../spec/spec.js';
import { costOf } from './cost.js';
import { firstLine, unchangedParameters } from './first-line.js';
import { functionsCalled } from './functions.js';
import type { Scope } from './lower/scope.js';
import type { PlannedSite, SiteTier } from './plan.js';
import { Refused } from './refused.js';
import { scopeFor } from './scope-at.js';
import type { Decoded, X86 } from './x86/decode.js';
import { entrySite } from './x86/entry-site.js';

export type Use = 'stop' | 'log';

/** One place where a probe goes, with what can be read there. */
export interface Place {
  readonly site: PlannedSite;
  readonly scope: Scope;
}

interface Request {
  readonly spec: ProbeSpec;
  readonly binary: GoBinary;
  readonly x86: X86;
  readonly use: Use;
  readonly avoid: readonly number[];
}

/** At and before `push %rbp` the return address is all that the call has added to the stack. */
const entryFrame = { register: 'rsp', offset: 8 } as const;

const shortFile = (file: string): string => file.slice(file.lastIndexOf('/') + 1);

/** The debugger's own breakpoints may not share a byte with a probe, nor follow it (the stop would be taken for theirs). */
const avoidClash = (request: Request, site: PlannedSite): void => {
  const first = Number(site.offset);
  const last = first + site.instruction.length / 2;
  const clash = request.avoid.find((offset) => offset >= first && offset <= last);
  if (clash === undefined) return;
  throw new Refused(
    'breakpoint-there',
    `The debugger holds a breakpoint at the file offset ${hex(clash)}, where the probe on ${site.function} would go; remove it first.`,
  );
};

const siteAt = (
  request: Request,
  fn: GoFunction,
  instruction: Decoded,
  tier: SiteTier,
  line: number,
  reason: string,
): PlannedSite => {
  const site: PlannedSite = {
    use: request.use,
    tier,
    function: fn.name,
    file: fn.file,
    line,
    address: hex(instruction.address),
    offset: hex(request.binary.offsetOf(virtualAddress(instruction.address))),
    instruction: Buffer.from(instruction.bytes).toString('hex'),
    sentinel: undefined,
    cost: costOf(tier, request.spec.condition !== undefined),
    reason,
  };
  avoidClash(request, site);
  return site;
};

const inlinedNote = (binary: GoBinary, fn: GoFunction): string => {
  const copies = binary.inlinedCopiesOf(fn.name).length;
  return copies === 0
    ? ''
    : ` ${copies} inlined ${copies === 1 ? 'copy is' : 'copies are'} not seen; probe "${fn.name} inlined" for them.`;
};

/** A debugger's breakpoint on a function stops in its inlined copies too. */
const refuseCopies = (request: Request, fn: GoFunction): void => {
  const copies = request.use === 'stop' ? request.binary.inlinedCopiesOf(fn.name) : [];
  const [first] = copies;
  if (first === undefined) return;
  throw new Refused(
    'partly-inlined',
    `${fn.name} was also inlined into ${first.caller} (${shortFile(first.file)}:${first.line})${copies.length > 1 ? ` and ${copies.length - 1} more` : ''}, which a probe on its own code would miss; the breakpoint stays with the debugger.`,
  );
};

const entryPlace = (
  request: Request,
  fn: GoFunction,
  line: number,
  variables: Degraded<readonly GoVariable[]>,
  instructions: readonly Decoded[],
): Place => {
  const { binary, use } = request;
  refuseCopies(request, fn);
  const found = entrySite(instructions);
  if (found === undefined) {
    throw new Refused(
      'no-entry-site',
      `${fn.name} sets up no frame, so it has no instruction at its entry that can be probed cheaply; probe a line inside it or its callers.`,
    );
  }
  const where = found.first ? 'at the entry (the function does not check the stack)' : 'after the stack check';
  const reason = `push %rbp ${where}: one byte, emulated, passed once per call.${inlinedNote(binary, fn)}`;
  return {
    site: siteAt(request, fn, found.instruction, 1, line, reason),
    scope: scopeFor(binary, fn, variables, use === 'stop' ? 'delve' : 'go', entryFrame),
  };
};

const decode = (request: Request, fn: GoFunction): readonly Decoded[] =>
  request.x86.decode(request.binary.code(fn), fn.entry);

const functionPlaces = (request: Request, name: string): readonly Place[] =>
  functionsCalled(request.binary, name).map((fn) => {
    const instructions = decode(request, fn);
    return entryPlace(request, fn, fn.line, request.binary.parametersAtEntry(fn), instructions);
  });

/** A breakpoint on a line that is the same as the function's entry. */
const lineOfEntry = (request: Request, fn: GoFunction, line: number): Place => {
  const { binary } = request;
  const instructions = decode(request, fn);
  const parameters = binary.parametersAtEntry(fn);
  if (line === fn.line) return entryPlace(request, fn, line, parameters, instructions);
  const first = firstLine(binary, fn, instructions);
  if (first.bodyLine !== line || first.bodyAddress === undefined) {
    throw new Refused('no-line-site', `${shortFile(fn.file)}:${line} is inside ${fn.name}: ${first.reason}`);
  }
  const atBody = binary.variablesAt(virtualAddress(first.bodyAddress));
  const value = unchangedParameters(parameters.value, atBody.value);
  return entryPlace(request, fn, line, { value, problems: parameters.problems }, instructions);
};

const linePlaces = (request: Request, file: string, line: number): readonly Place[] => {
  const runs = request.binary.addressesOf(file, line);
  if (runs.length === 0) {
    throw new Refused(
      'no-code',
      `There is no code for ${file}:${line} in this program; choose a line with a statement.`,
    );
  }
  const hosts = new Map(runs.map((run) => [run.host.index, run.host]));
  const inlined = runs.find((run) => run.chain.length > 1);
  if (inlined !== undefined && request.use === 'stop') {
    throw new Refused(
      'partly-inlined',
      `${shortFile(file)}:${line} was inlined into ${inlined.host.name}; the breakpoint stays with the debugger.`,
    );
  }
  return [...hosts.values()].map((fn) => lineOfEntry(request, fn, line));
};

/** Places of a probe, at least one. Throws Refused. */
export const placesFor = (
  spec: ProbeSpec,
  binary: GoBinary,
  x86: X86,
  use: Use,
  avoid: readonly number[],
): readonly Place[] => {
  if (binary.machine !== 'amd64') {
    throw new Refused('wrong-machine', `Programs for ${binary.machine} can be read but not probed; build for amd64.`);
  }
  const request: Request = { spec, binary, x86, use, avoid };
  const { target } = spec;
  switch (target.kind) {
    case 'function':
      return functionPlaces(request, target.name);
    case 'line':
      return linePlaces(request, target.file, target.line);
    default:
      throw new Refused('unsupported-target', `Probes of the kind "${target.kind}" cannot be planned yet.`);
  }
};
