/**
 * Conditions and log expressions on events of the kernel: typed by what the kernel says of an event's fields, and
 * lowered like those on the program's variables. In the result a "register" is a field by its name; of a text the name is
 * where it is, and `lengthOf(name)` how long it is. The agent alone knows at which offsets they are.
 *
 * Integers have the width and sign that the kernel gives them, enumerations are numbers, and pointers are `uintptr`. A
 * text can be compared with a literal (==, !=, a prefix as `comm[:3] == "nod"`, strings.HasPrefix, HasSuffix and Contains)
 * and has a `len`; only its first 63 bytes are looked at, and a longer one counts as 63 bytes long.
 */
import type { GoType, GoVariable } from '@probelens/gosym';
import type { Parser } from 'web-tree-sitter';
import type { ProbeSpec } from '../spec/spec.js';
import type { LoweredExpression } from './expression.js';
import { lower, lowerCondition } from './lower/lower.js';
import type { Scope } from './lower/scope.js';
import { parseExpression } from './lower/syntax.js';
import { asBool, asInteger } from './lower/value.js';
import type { CaptureShape, PlannedCapture } from './plan.js';
import { Refused } from './refused.js';
import { subexpressions } from './request.js';

/** One field of an event, as the agent describes it. */
export interface EventField {
  readonly name: string;
  readonly shape: CaptureShape;
}

export interface SourceExpressions {
  readonly condition: LoweredExpression | undefined;
  /** Holes of the template that are more than a field. */
  readonly captures: readonly PlannedCapture[];
}

/** Bytes of a text that are looked at; with its NUL they fill a program's scratch area (program/frame.ts). */
export const longestText = 63;

/** No field has a space in its name. */
export const lengthOf = (name: string): string => `len ${name}`;

const typeOf = (shape: CaptureShape): GoType | undefined => {
  switch (shape.kind) {
    case 'integer':
      return {
        kind: shape.signed ? 'int' : 'uint',
        name: `${shape.signed ? '' : 'u'}int${shape.width * 8}`,
        size: shape.width,
      };
    case 'bool':
      return { kind: 'bool', name: 'bool', size: 1 };
    case 'pointer':
      return { kind: 'uint', name: 'uintptr', size: 8 };
    case 'string':
      return { kind: 'string', name: 'string', size: 16 };
    default:
      return undefined;
  }
};

const variableOf = ({ name, shape }: EventField): readonly GoVariable[] => {
  const type = typeOf(shape);
  if (type === undefined) return [];
  const at = (register: string) => ({ kind: 'register', register }) as const;
  const place: GoVariable['place'] =
    type.kind === 'string'
      ? {
          kind: 'pieces',
          pieces: [
            { offset: 0, size: 8, place: at(name) },
            { offset: 8, size: 8, place: at(lengthOf(name)) },
          ],
        }
      : at(name);
  return [{ name, role: 'parameter', type, place }];
};

const scopeOf = (event: string, fields: readonly EventField[], knowsGoroutine: boolean): Scope => ({
  semantics: 'go',
  textsOfEvent: true,
  frame: { cfa: undefined, fixedAddresses: false, hasRegister: () => true },
  variables: fields.flatMap(variableOf),
  packageName: '',
  packageVariable: () => undefined,
  namedType: () => undefined,
  packagesCalled: () => [],
  knowsGoroutine,
  missing: (name) => `${event} has no field ${name}; it has ${fields.map((field) => field.name).join(', ') || 'none'}.`,
});

/** From which byte of a text on; undefined where that is no fixed one of those that are looked at. */
const firstByte = (pointer: LoweredExpression): number | undefined => {
  if (pointer.kind === 'register') return 0;
  if (pointer.kind !== 'arithmetic' || pointer.left.kind !== 'register' || pointer.right.kind !== 'constant')
    return undefined;
  const from = Number(pointer.right.value);
  return from < longestText ? from : undefined;
};

/** Of a part with both its ends: that the text may go on behind what is looked at does not matter. */
const isBounded = (length: LoweredExpression): boolean =>
  length.kind === 'checked' ? isBounded(length.value) : length.kind === 'constant';

const reachesTooFar = (node: LoweredExpression & { readonly kind: 'string-test' }, from: number): boolean => {
  const size = node.bytes.length / 2;
  const mayGoOn = node.whole && !isBounded(node.length);
  return size >= longestText || from + size > longestText || (from + size === longestText && mayGoOn);
};

/** Throws Refused for what a program at a kernel event cannot do although the lowering can. */
const check = (text: string, expression: LoweredExpression): LoweredExpression => {
  for (const node of subexpressions(expression)) {
    if (node.kind === 'load' || node.kind === 'string-order') {
      throw new Refused(
        'unsupported-syntax',
        `${text}: a text can be compared with a literal by == or !=, in whole or by a prefix like name[:3], and measured by len(name); rewrite it.`,
      );
    }
    if (node.kind === 'string-search' && node.pointer.kind !== 'register') {
      throw new Refused(
        'unsupported-syntax',
        `${text}: the kernel searches a text as a whole; leave the brackets out.`,
      );
    }
    if (node.kind !== 'string-test') continue;
    const from = firstByte(node.pointer);
    if (from === undefined) {
      throw new Refused(
        'unsupported-syntax',
        `${text}: a part of a text begins at a number below ${longestText}; write one, as in name[2:].`,
      );
    }
    if (reachesTooFar(node, from)) {
      throw new Refused(
        'unsupported-type',
        `${text}: only the first ${longestText} bytes of a text are looked at, and the literal reaches beyond; compare a shorter prefix.`,
      );
    }
  }
  return expression;
};

/** The reasons are those of breakpoints, where a debugger judges what the kernel does not. */
const forEvents = <T>(work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Refused(error.code, error.message.replace('; the condition stays with the debugger.', '; rewrite it.'));
  }
};

const capture = (scope: Scope, parser: Parser, hole: string): PlannedCapture => {
  const value = lower(scope, parseExpression(parser, hole));
  const integer = asInteger(value, hole);
  const made = { name: hole, length: undefined };
  if (integer !== undefined) {
    const shape = { kind: 'integer', ...integer.type } as const;
    return { ...made, typeName: integer.typeName, shape, value: check(hole, integer.value) };
  }
  const bool = asBool(value, hole);
  if (bool !== undefined)
    return { ...made, typeName: bool.typeName ?? 'bool', shape: { kind: 'bool' }, value: check(hole, bool.value) };
  throw new Refused('unsupported-type', `{${hole}} is neither a field nor a number; show the fields by their names.`);
};

const holesOf = (template: string | undefined): readonly string[] =>
  [...(template ?? '').matchAll(/\{([^{}]*)\}/g)].map((match) => (match[1] ?? '').trim());

/** What of a template only an expression can show: the agent knows the fields by itself. */
const isComputed = (fields: readonly EventField[], hole: string): boolean =>
  hole !== '' && !fields.some((field) => field.name === hole);

/** Whether the fields must be known to arm it. */
export const hasExpressions = ({ condition, action }: ProbeSpec): boolean =>
  condition !== undefined || (action.kind === 'log' && holesOf(action.template).some((hole) => !/^\w+$/.test(hole)));

/** Throws Refused with a sentence; an unknown field names those that there are. */
export const lowerForSource = (
  parser: Parser,
  spec: ProbeSpec,
  fields: readonly EventField[],
  knowsGoroutine: boolean,
): SourceExpressions => {
  const { target, condition, action } = spec;
  const event = target.kind === 'tracepoint' ? `${target.category}:${target.name}` : target.kind;
  const scope = scopeOf(event, fields, knowsGoroutine);
  return forEvents(() => ({
    condition:
      condition === undefined ? undefined : check(condition, lowerCondition(scope, parseExpression(parser, condition))),
    captures: holesOf(action.kind === 'log' ? action.template : undefined)
      .filter((hole) => isComputed(fields, hole))
      .map((hole) => capture(scope, parser, hole)),
  }));
};
