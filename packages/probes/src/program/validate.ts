/**
 * The agent's own look at a plan. It trusts nobody: what passes here can be turned into a program that reads and counts,
 * whoever wrote it. What it cannot know (that the offsets are instruction starts) is checked against the file elsewhere.
 */
import type {
  CapturePart,
  CaptureShape,
  PlannedBinary,
  PlannedCapture,
  PlannedSite,
  ProbePlan,
  SiteVariant,
} from '../plan/plan.js';
import { blockLimit, maximumCaptures, maximumStringLimit, recordLayout } from './record.js';
import type { ProgramMachine } from './registers.js';
import * as read from './shape.js';
import { InvalidPlan } from './shape.js';
import { validCondition, validExpression } from './validate-expression.js';
import { validLayout, validParts } from './validate-layout.js';
import { validSpec } from './validate-spec.js';

/** As many as one uprobe_multi link takes at a time (MAX_UPROBE_MULTI_CNT, kernel/trace/bpf_trace.c). */
const maximumSites = 1 << 20;

/** x86: the architectural limit of an instruction. */
const longestInstruction = 15;

/** Where the goroutine id has ever been is below 0x200; a page is generous. */
const maximumGoidOffset = 4096;

/** Bytes; 64 such records fill the agent's ring. */
const largestRecord = 65_536;

const tiers = [1, 2, 'nop5', 'emulated', 'stepped'] as const;

const validSentinel = (
  field: read.Field,
  tier: PlannedSite['tier'],
  offset: number,
  bytes: number,
): string | undefined => {
  const sentinel = read.optional(field, read.address);
  if ((tier === 2) !== (sentinel !== undefined))
    throw new InvalidPlan(`${field.path} belongs to tier 2, and only there`);
  if (sentinel === undefined) return undefined;
  if (bytes < 2 || sentinel !== offset + bytes - 1) {
    throw new InvalidPlan(`${field.path} is not the last byte of a longer instruction`);
  }
  return read.text(field);
};

const validSite = (field: read.Field): PlannedSite => {
  const use = read.oneOf(read.member(field, 'use'), ['stop', 'log', 'return']);
  const tier = read.oneOf(read.member(field, 'tier'), tiers);
  const offsetField = read.member(field, 'offset');
  const offset = read.address(offsetField);
  read.address(read.member(field, 'address'));
  const instruction = read.member(field, 'instruction');
  const bytes = read.hexBytes(instruction, longestInstruction);
  if (bytes === 0) throw new InvalidPlan(`${instruction.path} is empty`);
  // After `pop %rbp` too the byte before the program counter is the probe's trap.
  const isPop = tier === 'stepped' && read.text(instruction) === '5d';
  if (use === 'stop' && tier !== 1 && tier !== 2 && !isPop) {
    throw new InvalidPlan(`${field.path} cannot stop the program: ${tier} sites are for counting and logging`);
  }
  if (tier === 1 && bytes !== 1)
    throw new InvalidPlan(`${instruction.path} is longer than the one byte of a tier 1 site`);
  return {
    use,
    tier,
    function: read.text(read.member(field, 'function')),
    file: read.text(read.member(field, 'file')),
    line: read.integer(read.member(field, 'line'), 0, 2 ** 31),
    address: read.text(read.member(field, 'address')),
    offset: read.text(offsetField),
    instruction: read.text(instruction),
    sentinel: validSentinel(read.member(field, 'sentinel'), tier, offset, bytes),
    cost: read.integer(read.member(field, 'cost'), 0, 2 ** 31),
    reason: read.text(read.member(field, 'reason')),
    ...(read.optional(read.member(field, 'yields'), read.flag) === true && { yields: true }),
  };
};

export const validShape = (field: read.Field, parts: readonly CapturePart[] | undefined): CaptureShape => {
  const kind = read.oneOf(read.member(field, 'kind'), [
    'integer',
    'bool',
    'float',
    'pointer',
    'string',
    'bytes',
    'structured',
    'unavailable',
  ]);
  switch (kind) {
    case 'integer':
      return {
        kind,
        signed: read.flag(read.member(field, 'signed')),
        width: read.oneOf(read.member(field, 'width'), [1, 2, 4, 8]),
      };
    case 'float':
      return { kind, width: read.oneOf(read.member(field, 'width'), [4, 8]) };
    case 'string':
    case 'bytes':
      return { kind, limit: read.integer(read.member(field, 'limit'), 1, maximumStringLimit) };
    case 'unavailable':
      return { kind, reason: read.text(read.member(field, 'reason')) };
    case 'structured':
      return { kind, layout: validLayout(read.member(field, 'layout'), parts ?? []) };
    case 'bool':
    case 'pointer':
      return { kind };
  }
};

const validCapture = (field: read.Field, machine: ProgramMachine): PlannedCapture => {
  const expression = (each: read.Field) => validExpression(each, machine);
  const parts = read.optional(read.member(field, 'parts'), (each) => validParts(each, machine));
  const shape = validShape(read.member(field, 'shape'), parts);
  const value = read.optional(read.member(field, 'value'), expression);
  const length = read.optional(read.member(field, 'length'), expression);
  if ((parts !== undefined) !== (shape.kind === 'structured')) {
    throw new InvalidPlan(`${field.path} has parts exactly when it is structured`);
  }
  if ((value === undefined) !== (shape.kind === 'unavailable' || shape.kind === 'structured')) {
    throw new InvalidPlan(`${field.path} has a value exactly when it is available`);
  }
  if ((length !== undefined) !== (blockLimit(shape) !== undefined)) {
    throw new InvalidPlan(`${field.path} has a length exactly when it is a string`);
  }
  const name = read.text(read.member(field, 'name'));
  return { name, typeName: read.text(read.member(field, 'typeName')), shape, value, length, ...(parts && { parts }) };
};

const sameParts = (some: readonly CapturePart[] = [], others: readonly CapturePart[] = []): boolean =>
  some.length === others.length &&
  some.every(
    (part, index) =>
      part.limit === others[index]?.limit && (part.length === undefined) === (others[index]?.length === undefined),
  );

const validBinary = (field: read.Field): PlannedBinary => {
  const goBuildId = read.optional(read.member(field, 'goBuildId'), read.text);
  const gnuBuildId = read.optional(read.member(field, 'gnuBuildId'), read.text);
  const codeHash = read.optional(read.member(field, 'codeHash'), read.text);
  if (goBuildId === undefined && gnuBuildId === undefined && codeHash === undefined)
    throw new InvalidPlan('the binary has no build id to compare');
  const goVersion = read.optional(read.member(field, 'goVersion'), read.text);
  return { path: read.text(read.member(field, 'path'), 4096), goVersion, goBuildId, gnuBuildId, codeHash };
};

/** Each has code of its own in the program. */
const maximumVariants = 256;

type VariantCapture = SiteVariant['captures'][number];

const validVariant =
  (machine: ProgramMachine, hasCondition: boolean, captures: readonly PlannedCapture[]) =>
  (field: read.Field): SiteVariant => {
    const condition = read.optional(read.member(field, 'condition'), (each) => validCondition(each, machine));
    if ((condition !== undefined) !== hasCondition)
      throw new InvalidPlan(`${field.path} has a condition exactly when the plan has one`);
    const given = read.list(read.member(field, 'captures'), maximumCaptures);
    const values = given.map((each, index): VariantCapture => {
      const expression = (name: 'value' | 'length') =>
        read.optional(read.member(each, name), (inner) => validExpression(inner, machine));
      const [value, length] = [expression('value'), expression('length')];
      const like = captures[index];
      if (
        (value === undefined) !== (like?.value === undefined) ||
        (length === undefined) !== (like?.length === undefined)
      ) {
        throw new InvalidPlan(`${each.path} has what the plan's capture has not`);
      }
      const parts = read.optional(read.member(each, 'parts'), (inner) => validParts(inner, machine));
      if ((parts === undefined) !== (like?.parts === undefined) || !sameParts(parts, like?.parts)) {
        throw new InvalidPlan(`${each.path} has other parts than the plan's capture`);
      }
      return { value, length, ...(parts && { parts }) };
    });
    if (values.length !== captures.length) throw new InvalidPlan(`${field.path} has other captures than the plan`);
    return { condition, captures: values };
  };

const noOverlap = (sites: readonly PlannedSite[]): void => {
  const taken = new Set<string>();
  for (const place of sites.flatMap((site) => [site.offset, ...(site.sentinel === undefined ? [] : [site.sentinel])])) {
    if (taken.has(place)) throw new InvalidPlan(`two sites share the file offset ${place}`);
    taken.add(place);
  }
};

/**
 * A copy of the plan with only the fields that the type has. Throws InvalidPlan with the field and what was expected;
 * whether every site can be had is for the kernel to say.
 */
export const validatePlan = (value: unknown, machine: ProgramMachine): ProbePlan => {
  const field: read.Field = { path: '', value };
  const spec = validSpec(read.member(field, 'spec'));
  const sites = read.list(read.member(field, 'sites'), maximumSites).map(validSite);
  if (sites.length === 0) throw new InvalidPlan('the plan has no site');
  noOverlap(sites);
  const condition = read.optional(read.member(field, 'condition'), (each) => validCondition(each, machine));
  const forArmedThreads = read.optional(read.member(field, 'forArmedThreads'), read.flag) === true;
  if (forArmedThreads && spec.action.kind !== 'stop') throw new InvalidPlan('a gate for armed threads must stop');
  // A scope on a label is a condition too, and so is what tells a thread's end; a gate for armed threads may have one that
  // nobody wrote.
  const { target, scope } = spec;
  const ofThreads = target.kind === 'crash' && target.what === 'thread-exit';
  const isConditional = spec.condition !== undefined || scope.kind === 'label' || ofThreads;
  if (isConditional ? condition === undefined : condition !== undefined && !forArmedThreads)
    throw new InvalidPlan('the plan has a condition exactly when the probe has one');
  const goidOffset = read.optional(read.member(field, 'goidOffset'), (each) =>
    read.integer(each, 0, maximumGoidOffset),
  );
  if (goidOffset === undefined && (spec.scope.kind === 'goroutine' || spec.scope.kind === 'main')) {
    throw new InvalidPlan('a probe on one goroutine needs the place of its id');
  }
  const captures = read
    .list(read.member(field, 'captures'), maximumCaptures)
    .map((each) => validCapture(each, machine));
  if (recordLayout(captures).size > largestRecord)
    throw new InvalidPlan('the captures are more than one event can hold');
  const variants = read.optional(read.member(field, 'variants'), (each) =>
    read.list(each, maximumVariants).map(validVariant(machine, condition !== undefined, captures)),
  );
  if (variants !== undefined && (variants.length < 2 || variants.length !== sites.length)) {
    throw new InvalidPlan('the plan has one variant for each of its sites, or none');
  }
  const plan = { spec, binary: validBinary(read.member(field, 'binary')), sites, condition, captures, goidOffset };
  return {
    ...plan,
    ...(variants === undefined ? {} : { variants }),
    ...(forArmedThreads ? { forArmedThreads } : {}),
  };
};
