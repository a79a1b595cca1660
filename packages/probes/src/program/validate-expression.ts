/** Checks a lowered expression that came over the wire: known nodes, known registers, bounded size and depth. */
import type { IntegerType, LoweredExpression, StringOperand } from '../plan/expression.js';
import type { ProgramMachine } from './registers.js';
import { registerOffset } from './registers.js';
import { decimal, type Field, flag, hexBytes, InvalidPlan, member, oneOf, optional, text } from './shape.js';
import { longestOrdered } from './string-order.js';
import { longestSearched } from './string-search.js';

/**
 * The verifier walks at most a million instructions; a node costs up to forty. It bounds the depth too: temporaries, the
 * only thing that grows with depth, are counted by the program builder.
 */
const maximumNodes = 1_500;

/** Bytes of a literal that a string is compared with. */
export const maximumLiteral = 512;

const arithmetic = ['add', 'sub', 'mul', 'div', 'rem', 'and', 'or', 'xor', 'and-not', 'shl', 'shr'] as const;
const comparison = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const;

/** Nothing is wrong with it but its size. The message is for people. */
export class ExpressionTooLarge extends Error {
  override readonly name = 'ExpressionTooLarge';

  constructor() {
    super(
      `The condition or value is too large for the kernel (more than ${maximumNodes} parts, some ${maximumNodes / 5} comparisons of fields, 16 searches in strings or 12 comparisons of two interfaces); leave a part of it out, or give the parts to several probes.`,
    );
  }
}

interface Walk {
  readonly machine: ProgramMachine | 'event';
  nodes: number;
}

/** Longer than any name of a field in the kernel. */
const longestField = 128;

/** What the name of a register may be; at an event, that of a field, which only the event knows. */
const registerName = (state: Walk, field: Field): string => {
  const named = member(field, 'register');
  if (state.machine === 'event') return text(named, longestField);
  const register = text(named, 8);
  if (registerOffset(state.machine, register) === undefined) {
    throw new InvalidPlan(`${field.path} names "${register}", which is no register of ${state.machine}`);
  }
  return register;
};

const integerType = (field: Field): IntegerType => ({
  width: oneOf(member(field, 'width'), [1, 2, 4, 8]),
  signed: flag(member(field, 'signed')),
});

const stringOperand = (state: Walk, field: Field): StringOperand => {
  const kind = oneOf(member(field, 'kind'), ['string', 'bytes']);
  if (kind === 'string')
    return { kind, pointer: walk(state, member(field, 'pointer')), length: walk(state, member(field, 'length')) };
  hexBytes(member(field, 'bytes'), longestOrdered);
  return { kind, bytes: text(member(field, 'bytes')) };
};

const walk = (state: Walk, field: Field): LoweredExpression => {
  if (++state.nodes > maximumNodes) throw new ExpressionTooLarge();
  const inner = (name: string): LoweredExpression => walk(state, member(field, name));
  const kind = text(member(field, 'kind'), 32);
  switch (kind) {
    case 'constant':
      return { kind, value: decimal(member(field, 'value')).toString() };
    case 'register':
      return { kind, register: registerName(state, field) };
    case 'load':
      if (state.machine === 'event') throw new InvalidPlan(`${field.path} reads memory, which events have none of`);
      return { kind, address: inner('address'), type: integerType(member(field, 'type')) };
    case 'convert':
      return { kind, value: inner('value'), type: integerType(member(field, 'type')) };
    case 'arithmetic':
      return {
        kind,
        operator: oneOf(member(field, 'operator'), arithmetic),
        type: integerType(member(field, 'type')),
        left: inner('left'),
        right: inner('right'),
      };
    case 'compare':
      return {
        kind,
        operator: oneOf(member(field, 'operator'), comparison),
        signed: flag(member(field, 'signed')),
        left: inner('left'),
        right: inner('right'),
      };
    case 'compare-float':
      return {
        kind,
        operator: oneOf(member(field, 'operator'), comparison),
        width: oneOf(member(field, 'width'), [4, 8]),
        special: oneOf(member(field, 'special'), ['ieee', 'fault']),
        left: inner('left'),
        right: inner('right'),
      };
    case 'string-test': {
      hexBytes(member(field, 'bytes'), maximumLiteral);
      return {
        kind,
        pointer: inner('pointer'),
        length: inner('length'),
        bytes: text(member(field, 'bytes')),
        whole: flag(member(field, 'whole')),
      };
    }
    case 'string-search': {
      const size = hexBytes(member(field, 'bytes'), longestSearched);
      if (size === 0) throw new InvalidPlan(`${field.path} searches for nothing`);
      return {
        kind,
        where: oneOf(member(field, 'where'), ['anywhere', 'end']),
        pointer: inner('pointer'),
        length: inner('length'),
        bytes: text(member(field, 'bytes')),
      };
    }
    case 'string-order':
      return {
        kind,
        operator: oneOf(member(field, 'operator'), comparison),
        pointer: inner('pointer'),
        length: inner('length'),
        other: stringOperand(state, member(field, 'other')),
      };
    case 'interface-equal':
      if (state.machine === 'event') throw new InvalidPlan(`${field.path} reads memory, which events have none of`);
      return {
        kind,
        type: inner('type'),
        left: inner('left'),
        right: inner('right'),
        ...(optional(member(field, 'doubledOffsets'), flag) === true ? { doubledOffsets: true } : {}),
      };
    case 'logical':
      return {
        kind,
        operator: oneOf(member(field, 'operator'), ['and', 'or']),
        left: inner('left'),
        right: inner('right'),
      };
    case 'not':
      return { kind, value: inner('value') };
    case 'checked':
      return { kind, condition: inner('condition'), value: inner('value') };
    case 'unless-nil':
      return { kind, pointer: inner('pointer'), value: inner('value') };
    case 'goroutine-id':
      return { kind };
    default:
      throw new InvalidPlan(`${field.path} has the unknown kind "${kind}"`);
  }
};

/** A copy with only the fields that the type has. Throws InvalidPlan. "event": registers are fields by name. */
export const validExpression = (field: Field, machine: ProgramMachine | 'event'): LoweredExpression =>
  walk({ machine, nodes: 0 }, field);

const producesBoolean = (node: LoweredExpression): boolean => {
  switch (node.kind) {
    case 'compare':
    case 'compare-float':
    case 'string-test':
    case 'string-order':
    case 'string-search':
    case 'interface-equal':
      return true;
    case 'logical':
      return producesBoolean(node.left) && producesBoolean(node.right);
    case 'not':
    case 'checked':
      return producesBoolean(node.value);
    case 'constant':
      return node.value === '0' || node.value === '1';
    default:
      return false;
  }
};

/** The same for a condition, which is a yes or a no. */
export const validCondition = (field: Field, machine: ProgramMachine | 'event'): LoweredExpression => {
  const condition = validExpression(field, machine);
  if (!producesBoolean(condition)) throw new InvalidPlan(`${field.path} is not a truth value`);
  return condition;
};
