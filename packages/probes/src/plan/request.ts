/** What the files that choose places share. */
import type { GoBinary, GoFunction } from '@probelens/gosym';
import { hex, virtualAddress } from '@probelens/gosym';
import type { ProbeSpec } from '../spec/spec.js';
import { costOf } from './cost.js';
import type { LoweredExpression } from './expression.js';
import type { Scope } from './lower/scope.js';
import type { PlannedSite, Refusal, SiteTier, SiteUse } from './plan.js';
import { Refused } from './refused.js';
import type { Decoded, X86 } from './x86/decode.js';

export type Use = 'stop' | 'log';

export interface Request {
  readonly spec: ProbeSpec;
  readonly binary: GoBinary;
  readonly x86: X86;
  readonly use: Use;
  /** File offsets where a debugger holds breakpoints; undefined: there is no debugger. */
  readonly avoid: readonly number[] | undefined;
  /** Sites that have to be out of the kernel while a debugger steps will do (yielding-places.ts). */
  readonly yielding?: boolean | undefined;
  /** What the plan leaves out, for the person who asked. */
  readonly notes: Refusal[];
}

/** What an expression needs between the instruction for which it was typed and the one where it is evaluated. */
export interface Needs {
  readonly registers: ReadonlySet<string>;
  readonly memory: boolean;
}

/** One place where a probe goes, with what can be read there. */
export interface Place {
  readonly scope: Scope;
  /** For messages. */
  readonly function: string;
  /** Where a debugger breaks for the same line; undefined for the function's entry. */
  readonly start: number | undefined;
  /** The cheapest site at which everything that is needed is still what it was. Throws Refused. */
  readonly choose: (needs: Needs) => PlannedSite;
}

const readsText: ReadonlySet<LoweredExpression['kind']> = new Set([
  'string-test',
  'string-search',
  'string-order',
  'interface-equal',
]);

const walk = (node: LoweredExpression, visit: (node: LoweredExpression) => void): void => {
  visit(node);
  switch (node.kind) {
    case 'load':
      walk(node.address, visit);
      return;
    case 'convert':
    case 'not':
      walk(node.value, visit);
      return;
    case 'arithmetic':
    case 'compare':
    case 'compare-float':
    case 'logical':
      walk(node.left, visit);
      walk(node.right, visit);
      return;
    case 'string-test':
    case 'string-search':
      walk(node.pointer, visit);
      walk(node.length, visit);
      return;
    case 'string-order':
      walk(node.pointer, visit);
      walk(node.length, visit);
      if (node.other.kind === 'string') {
        walk(node.other.pointer, visit);
        walk(node.other.length, visit);
      }
      return;
    case 'interface-equal':
      walk(node.type, visit);
      walk(node.left, visit);
      walk(node.right, visit);
      return;
    case 'unless-nil':
      walk(node.pointer, visit);
      walk(node.value, visit);
      return;
    case 'checked':
      walk(node.condition, visit);
      walk(node.value, visit);
      return;
    case 'constant':
    case 'register':
    case 'goroutine-id':
      return;
  }
};

/** The expression and everything inside it. */
export const subexpressions = (expression: LoweredExpression): readonly LoweredExpression[] => {
  const found: LoweredExpression[] = [];
  walk(expression, (node) => found.push(node));
  return found;
};

export const needsOf = (expressions: readonly LoweredExpression[]): Needs => {
  const registers = new Set<string>();
  let memory = false;
  for (const expression of expressions) {
    walk(expression, (node) => {
      if (node.kind === 'register') registers.add(node.register);
      if (node.kind === 'load' || readsText.has(node.kind)) memory = true;
    });
  }
  return { registers, memory };
};

export const shortFile = (file: string): string => file.slice(file.lastIndexOf('/') + 1);

/** The debugger's own breakpoints may not share a byte with a probe, nor follow it (the stop would be taken for theirs). */
const clashOf = (request: Request, site: PlannedSite): number | undefined => {
  const first = Number(site.offset);
  const last = first + site.instruction.length / 2;
  return request.avoid?.find((offset) => offset >= first && offset <= last);
};

export interface SiteDescription {
  readonly fn: GoFunction;
  readonly instruction: Decoded;
  readonly tier: SiteTier;
  readonly use: SiteUse;
  readonly file: string;
  readonly line: number;
  readonly reason: string;
  readonly yields?: true | undefined;
}

/** Throws Refused "breakpoint-there" where the debugger is already. */
export const plannedSite = (request: Request, description: SiteDescription): PlannedSite => {
  const { fn, instruction, tier, use, file, line, reason, yields } = description;
  const last = instruction.address + instruction.bytes.length - 1;
  const offset = (address: number): string => hex(request.binary.offsetOf(virtualAddress(address)));
  const site: PlannedSite = {
    use,
    tier,
    function: fn.name,
    file,
    line,
    address: hex(instruction.address),
    offset: offset(instruction.address),
    instruction: Buffer.from(instruction.bytes).toString('hex'),
    sentinel: tier === 2 ? offset(last) : undefined,
    cost: costOf(tier, request.spec.condition !== undefined),
    reason,
    ...(yields && { yields }),
  };
  const clash = clashOf(request, site);
  if (clash === undefined) return site;
  throw new Refused(
    'breakpoint-there',
    `The debugger has, or may have, a breakpoint at the file offset ${hex(clash)}, where the probe on ${fn.name} would go; remove it first.`,
  );
};

export const decodeFunction = (request: Request, fn: GoFunction): readonly Decoded[] =>
  request.x86.decode(request.binary.code(fn), fn.entry);

/** Longer than every stack check with the push behind it. */
const prologueBytes = 96;

/** The first instructions; the last one may be cut off and is then missing. */
export const decodePrologue = (request: Request, fn: GoFunction): readonly Decoded[] =>
  request.x86.decode(request.binary.code(fn).subarray(0, prologueBytes), fn.entry);
