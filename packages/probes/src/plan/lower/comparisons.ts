/** == != < <= > >= by Go's rules, and by Delve's where the two differ (scope.ts, Semantics). */

import type { GoType } from '@probelens/gosym';
import { textBytes } from '../../spec/go-literal.js';
import type { ComparisonOperator, LoweredExpression } from '../expression.js';
import { both, compare, not, constant as number, truth } from './build.js';
import { compareComposite } from './composites.js';
import { foldComparison } from './constant.js';
import { compareParts } from './equality.js';
import { lowerFloatComparison, mirrored } from './float.js';
import { integers } from './integers.js';
import { compareInterfaces } from './interfaces.js';
import type { Scope } from './scope.js';
import { partOf, readBits } from './storage.js';
import {
  asBool,
  asString,
  better,
  describe,
  misfit,
  type StringValue,
  typeMismatch,
  unsupportedType,
  type Value,
} from './value.js';

const comparison = (value: LoweredExpression): Value => ({ kind: 'bool', typeName: undefined, value });

/** The word whose value decides whether a value is nil. */
const nilWord = (scope: Scope, value: Value, text: string): LoweredExpression => {
  if (value.kind === 'stored') {
    switch (value.type.kind) {
      // An interface is nil when its type word is; a slice when its array pointer is; the others are one pointer.
      case 'pointer':
      case 'slice':
      case 'map':
      case 'chan':
      case 'interface':
      case 'func':
        return readBits(text, value.storage, 0, { width: 8, signed: false });
      case 'unsafe-pointer':
        // Delve's isNil has no case for it and always answers no.
        if (scope.semantics === 'go') return readBits(text, value.storage, 0, { width: 8, signed: false });
        return unsupportedType(text, 'the debugger takes no unsafe.Pointer for nil');
      default:
        break;
    }
  }
  return unsupportedType(text, `${describe(value)} cannot be compared with nil`);
};

const equality = (operator: ComparisonOperator): 'eq' | 'ne' | undefined =>
  operator === 'eq' || operator === 'ne' ? operator : undefined;

const addresses = ({ pointer, length }: StringValue): Pick<StringValue, 'pointer' | 'length'> => ({ pointer, length });

const compareStrings = (operator: ComparisonOperator, left: Value, right: Value, text: string): Value | undefined => {
  const [value, other] = left.kind === 'constant' ? [right, left] : [left, right];
  const string = asString(value, text);
  if (string === undefined) return undefined;
  if (other.kind !== 'constant') {
    const second = asString(other, text);
    if (second === undefined || second.typeName !== string.typeName)
      return typeMismatch(text, string.typeName, describe(other));
    return comparison({
      kind: 'string-order',
      operator,
      ...addresses(string),
      other: { kind: 'string', ...addresses(second) },
    });
  }
  if (other.constant.kind !== 'string') return misfit(text, other.constant, string.typeName, 'a text in quotes');
  const bytes = textBytes(other.constant.value);
  if (bytes.length > 512) return unsupportedType(text, 'the literal is longer than 512 bytes');
  if (equality(operator) === undefined) {
    if (bytes.length > 256) return unsupportedType(text, 'a literal longer than 256 bytes has no order in the kernel');
    const ordered = left.kind === 'constant' ? mirrored[operator] : operator;
    const constant = { kind: 'bytes', bytes: bytes.toString('hex') } as const;
    return comparison({ kind: 'string-order', operator: ordered, ...addresses(string), other: constant });
  }
  const test: LoweredExpression = {
    kind: 'string-test',
    pointer: string.pointer,
    length: string.length,
    bytes: bytes.toString('hex'),
    whole: true,
  };
  return comparison(operator === 'eq' ? test : { kind: 'not', value: test });
};

const compareBools = (operator: ComparisonOperator, left: Value, right: Value, text: string): Value | undefined => {
  const [a, b] = [asBool(left, text), asBool(right, text)];
  if (a !== undefined && right.kind === 'constant' && b === undefined)
    return misfit(text, right.constant, a.typeName ?? 'bool', 'true or false');
  if (a === undefined || b === undefined) return undefined;
  if (a.typeName !== undefined && b.typeName !== undefined && a.typeName !== b.typeName) {
    return typeMismatch(text, a.typeName, b.typeName);
  }
  if (equality(operator) === undefined) return unsupportedType(text, 'truth values have no order');
  return comparison(compare(operator, false, a.value, b.value));
};

const addressKinds: ReadonlySet<GoType['kind']> = new Set(['pointer', 'unsafe-pointer', 'chan']);

const comparePointers = (
  scope: Scope,
  operator: ComparisonOperator,
  left: Value,
  right: Value,
  text: string,
): Value | undefined => {
  if (left.kind !== 'stored' || right.kind !== 'stored') return undefined;
  const { kind, name } = left.type;
  if (!addressKinds.has(kind) || !addressKinds.has(right.type.kind)) return undefined;
  if (name !== right.type.name) return typeMismatch(text, name, right.type.name);
  if (equality(operator) === undefined) return unsupportedType(text, 'pointers have no order');
  if (kind !== 'pointer' && scope.semantics === 'delve')
    return better(text, `the debugger does not compare two values of type ${name}`, 'compare what they lead to');
  const address = (value: typeof left): LoweredExpression =>
    readBits(text, value.storage, 0, { width: 8, signed: false });
  return comparison(compare(operator, false, address(left), address(right)));
};

const isInterface = (value: Value): boolean => value.kind === 'stored' && value.type.kind === 'interface';

/** Of values that are made of others: interfaces, structs, arrays. */
const compareComposites = (
  scope: Scope,
  operator: ComparisonOperator,
  left: Value,
  right: Value,
  text: string,
): Value | undefined => {
  if (equality(operator) === undefined) return undefined;
  const equal = (a: Value, b: Value): LoweredExpression => {
    const result = lowerComparison(scope, 'eq', a, b, text);
    return asBool(result, text)?.value ?? unsupportedType(text, 'the kernel cannot compare it');
  };
  const literals = isInterface(left) || isInterface(right) ? undefined : compareComposite(left, right, text, equal);
  if (literals !== undefined) return comparison(operator === 'eq' ? literals : not(literals));
  const interfaces = compareInterfaces(scope, operator === 'eq', left, right, text, equal);
  if (interfaces !== undefined) return comparison(interfaces);
  const same = compareParts(scope, left, right, text, equal);
  return same && comparison(operator === 'eq' ? same : not(same));
};

/** Complex numbers are equal when both parts are; a real constant is one whose other part is 0. Delve compares none. */
const compareComplex = (
  scope: Scope,
  operator: ComparisonOperator,
  left: Value,
  right: Value,
  text: string,
): Value | undefined => {
  const like = [left, right].find((each) => each.kind === 'stored' && each.type.kind === 'complex');
  if (like?.kind !== 'stored' || equality(operator) === undefined) return undefined;
  if (scope.semantics === 'delve')
    return better(text, 'the debugger compares no complex numbers', 'compare both parts, as in real(z) == 1');
  const size = like.type.size / 2;
  const parts = (value: Value): readonly [Value, Value] | undefined => {
    if (value.kind === 'constant') return [value, { kind: 'constant', constant: { kind: 'integer', value: 0n } }];
    if (value.kind !== 'stored' || value.type.name !== like.type.name) return undefined;
    const type = { kind: 'float', name: size === 4 ? 'float32' : 'float64', size } as const;
    const part = (offset: number): Value => ({ kind: 'stored', type, storage: partOf(value.storage, offset, size) });
    return [part(0), part(size)];
  };
  const [a, b] = [parts(left), parts(right)];
  if (a === undefined || b === undefined) return typeMismatch(text, describe(left), describe(right));
  const same = (index: 0 | 1): LoweredExpression =>
    asBool(lowerFloatComparison(scope, 'eq', a[index], b[index], text) ?? left, text)?.value ??
    unsupportedType(text, 'the kernel cannot compare it');
  const equal = both(same(0), same(1));
  return comparison(operator === 'eq' ? equal : not(equal));
};

/** Why two values of one type cannot be compared. */
const incomparable = (operator: ComparisonOperator, left: Value, right: Value, text: string): never => {
  const [a, b] = [describe(left), describe(right)];
  if ([left, right].some((value) => value.kind === 'stored' && value.type.kind === 'complex'))
    return better(text, 'complex numbers have no order in Go', 'compare both parts, as in real(z) > 1');
  if (left.kind === 'stored' && right.kind === 'stored' && a === b) {
    const { kind } = left.type;
    if (kind === 'slice' || kind === 'map' || kind === 'func')
      return better(text, `Go compares a ${kind} with nil only`, 'compare lengths or elements');
    if (equality(operator) === undefined) return unsupportedType(text, `values of type ${a} have no order`);
  }
  return unsupportedType(text, `the kernel cannot compare ${a} with ${b}`);
};

export const lowerComparison = (
  scope: Scope,
  operator: ComparisonOperator,
  left: Value,
  right: Value,
  text: string,
): Value => {
  const nil = (value: Value): boolean => value.kind === 'constant' && value.constant.kind === 'nil';
  if (nil(left) || nil(right)) {
    if (equality(operator) === undefined) return unsupportedType(text, 'nil has no order');
    return comparison(compare(operator, false, nilWord(scope, nil(left) ? right : left, text), number(0n)));
  }
  if (left.kind === 'constant' && right.kind === 'constant') {
    const folded = foldComparison(operator, left.constant, right.constant);
    return folded === undefined
      ? unsupportedType(text, 'these constants cannot be compared')
      : comparison(truth(folded));
  }
  const found =
    // First: beside an interface the other side may be anything.
    compareComposites(scope, operator, left, right, text) ??
    compareBools(operator, left, right, text) ??
    compareStrings(operator, left, right, text) ??
    comparePointers(scope, operator, left, right, text) ??
    compareComplex(scope, operator, left, right, text) ??
    lowerFloatComparison(scope, operator, left, right, text);
  if (found !== undefined) return found;
  const pair = integers(scope, left, right, text);
  if (pair === undefined) return incomparable(operator, left, right, text);
  const [a, b] = pair;
  return comparison(compare(operator, a.type.signed, a.value, b.value));
};
