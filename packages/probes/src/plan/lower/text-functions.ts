/** The functions of package strings that the kernel can answer: does a string begin with, end with, contain another. */
import { textBytes } from '../../spec/go-literal.js';
import type { LoweredExpression } from '../expression.js';
import { both, compare, constant as number, truth } from './build.js';
import type { Scope } from './scope.js';
import type { Syntax } from './syntax.js';
import { asString, better, goInt, type StringValue, unsupportedType, type Value } from './value.js';

type Call = Extract<Syntax, { kind: 'call' }>;

type Name = 'HasPrefix' | 'HasSuffix' | 'Contains';

const names: readonly Name[] = ['HasPrefix', 'HasSuffix', 'Contains'];

/** Bytes of a literal (program/validate-expression.ts, maximumLiteral). */
const longestLiteral = 512;

/** Bytes of a literal that is searched for: two words, past which the string goes byte by byte. */
const longestNeedle = 16;

const pieceOf = ({ pointer }: StringValue, from: LoweredExpression): LoweredExpression => ({
  kind: 'arithmetic',
  operator: 'add',
  type: { width: 8, signed: false },
  left: pointer,
  right: from,
});

const less = (left: LoweredExpression, right: LoweredExpression): LoweredExpression => ({
  kind: 'arithmetic',
  operator: 'sub',
  type: goInt,
  left,
  right,
});

const withLiteral = (
  scope: Scope,
  name: Name,
  string: StringValue,
  literal: string,
  text: string,
): LoweredExpression => {
  const bytes = textBytes(literal);
  const hex = bytes.toString('hex');
  const size = number(BigInt(bytes.length));
  const { pointer, length } = string;
  const searches = name === 'Contains' || (name === 'HasSuffix' && scope.textsOfEvent === true);
  if (searches) {
    const where = name === 'Contains' ? 'anywhere' : 'end';
    if (bytes.length > longestNeedle)
      return better(text, `the kernel searches for ${longestNeedle} bytes at most`, 'search for a part of it');
    if (bytes.length > 0) return { kind: 'string-search', where, pointer, length, bytes: hex };
    // A slice that is out of bounds is a fault also where nothing is searched for; events have no slices here.
    return scope.textsOfEvent === true ? truth(true) : compare('ge', true, length, number(0n));
  }
  if (bytes.length > longestLiteral) return unsupportedType(text, `the literal is longer than ${longestLiteral} bytes`);
  if (name === 'HasPrefix') return { kind: 'string-test', pointer, length, bytes: hex, whole: false };
  const end = pieceOf(string, less(length, size));
  const test: LoweredExpression = { kind: 'string-test', pointer: end, length: size, bytes: hex, whole: true };
  return both(compare('ge', true, length, size), test);
};

const withString = (name: Name, string: StringValue, affix: StringValue, text: string): LoweredExpression => {
  if (name === 'Contains') return better(text, 'the kernel searches for literals only', 'write what is searched for');
  const { length } = affix;
  const pointer = name === 'HasPrefix' ? string.pointer : pieceOf(string, less(string.length, length));
  const other = { kind: 'string', pointer: affix.pointer, length } as const;
  return both(compare('ge', true, string.length, length), {
    kind: 'string-order',
    operator: 'eq',
    pointer,
    length,
    other,
  });
};

/** Undefined for a call of something else. `lower`: what an argument is. Throws Refused. */
export const lowerTextFunction = (scope: Scope, call: Call, lower: (syntax: Syntax) => Value): Value | undefined => {
  const { callee, arguments: given, text } = call;
  if (callee.kind !== 'select' || callee.operand.kind !== 'name' || callee.operand.name !== 'strings') return undefined;
  if (scope.semantics === 'delve') {
    const advice =
      callee.field === 'HasSuffix'
        ? 'compare a part of it, like len(s) > 2 && s[len(s)-3:] == "abc"'
        : 'compare a part of it, like s[:3] == "abc"';
    return better(text, 'the debugger calls no functions in conditions', advice);
  }
  const name = names.find((each) => each === callee.field);
  const [first, second] = given;
  if (name === undefined)
    return better(text, 'the kernel cannot call it', `of package strings it knows ${names.join(', ')}`);
  if (first === undefined || second === undefined || given.length > 2)
    return better(text, `strings.${name} takes two strings`, 'correct the call');
  const [value, other] = [lower(first), lower(second)];
  const string = asString(value, text);
  if (string === undefined)
    return better(text, 'the first string must be one of the program', 'put the literal behind it');
  if (other.kind === 'constant' && other.constant.kind === 'string')
    return answer(withLiteral(scope, name, string, other.constant.value, text));
  const affix = asString(other, text);
  if (affix === undefined) return better(text, `strings.${name} takes two strings`, 'correct the call');
  if (scope.textsOfEvent === true)
    return better(text, 'texts of an event are compared with literals only', 'write what it is compared with');
  return answer(withString(name, string, affix, text));
};

const answer = (value: LoweredExpression): Value => ({ kind: 'bool', typeName: 'bool', value });
