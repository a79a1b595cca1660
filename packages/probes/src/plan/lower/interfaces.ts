/** == and != of an interface and another, or of an interface and a value, which is how one asks for io.EOF and its like. */
import type { NamedType } from '@probelens/gosym';
import type { LoweredExpression } from '../expression.js';
import { descriptorOf, heldValue, interfaceWords } from './assertions.js';
import { both, checked, compare, either, load, not, constant as number, plus, word } from './build.js';
import type { Constant } from './constant.js';
import type { Scope } from './scope.js';
import { better, describe, typeMismatch, type Value } from './value.js';

type Stored = Extract<Value, { kind: 'stored' }>;

/** abi.Type, internal/abi/type.go; the same since Go 1.7 on 64-bit machines. The kind is in the lower five bits. */
const kindOffset = 23n;
const kindMask = 31n;

/** abi.Pointer. */
const pointerKind = 22n;

const byte = { width: 1, signed: false } as const;

const kindOf = (type: LoweredExpression): LoweredExpression => ({
  kind: 'arithmetic',
  operator: 'and',
  type: word,
  left: load(plus(type, kindOffset), byte),
  right: number(kindMask),
});

const compareTwo = (scope: Scope, left: Stored, right: Stored, text: string): LoweredExpression => {
  const isEmpty = (value: Stored): boolean => value.type.kind === 'interface' && value.type.empty;
  const a = interfaceWords(left.storage, isEmpty(left), text);
  const b = interfaceWords(right.storage, isEmpty(right), text);
  const isNil = compare('eq', false, a.type, number(0n));
  // Delve fails on two nil interfaces, and looks at what a pointer points to (compareOp, pkg/proc/eval.go 1.27).
  const same =
    scope.semantics === 'delve'
      ? checked(
          both(not(isNil), compare('eq', false, kindOf(a.type), number(pointerKind))),
          compare('eq', false, a.data, b.data),
        )
      : either(isNil, {
          kind: 'interface-equal',
          type: a.type,
          left: a.data,
          right: b.data,
          ...(scope.doubledOffsets === true ? { doubledOffsets: true } : {}),
        });
  return both(compare('eq', false, a.type, b.type), same);
};

/** What an untyped constant becomes. */
const constantTypes = { integer: 'int', float: 'float64', string: 'string', bool: 'bool', nil: 'T' } as const;

/** Language specification, "Constants". */
const defaultType = (constant: Constant): string =>
  constant.kind === 'integer' && constant.rune === true ? 'int32' : constantTypes[constant.kind];

/** The type that a value has when it becomes an interface. */
const typeOf = (scope: Scope, value: Value, text: string): NamedType => {
  // It may be one that the program gave a type, or a rune: that is not kept.
  if (value.kind === 'constant' && value.constant.kind === 'integer' && value.constant.named === true)
    return better(text, 'whether the constant has a type is not kept in the program', 'give it one, as in int(N)');
  const name =
    value.kind === 'stored'
      ? value.type.name
      : value.kind === 'constant'
        ? defaultType(value.constant)
        : describe(value);
  // One function for several types: which of them it is, its caller has said.
  if (name.includes('go.shape.'))
    return better(text, 'the type is another one in each instantiation', 'ask for what it holds, as in x.(int) == y');
  const found = scope.namedType(name);
  return found ?? better(text, `${name} is not known in this program`, 'compare with another value');
};

/** Undefined when neither side is an interface. Throws Refused. */
export const compareInterfaces = (
  scope: Scope,
  isEqual: boolean,
  left: Value,
  right: Value,
  text: string,
  equal: (left: Value, right: Value) => LoweredExpression,
): LoweredExpression | undefined => {
  const isInterface = (value: Value): value is Stored => value.kind === 'stored' && value.type.kind === 'interface';
  const answer = (same: LoweredExpression): LoweredExpression => (isEqual ? same : not(same));
  if (isInterface(left) && isInterface(right)) {
    if (left.type.name !== right.type.name && scope.semantics === 'delve')
      return typeMismatch(text, left.type.name, right.type.name);
    return answer(compareTwo(scope, left, right, text));
  }
  const [holder, value] = isInterface(left) ? [left, right] : [right, left];
  if (!isInterface(holder) || holder.type.kind !== 'interface') return undefined;
  if (scope.semantics === 'delve') {
    const written = value.kind === 'constant' ? defaultType(value.constant) : describe(value);
    return better(
      text,
      'the debugger compares interfaces with each other and with nil only',
      `ask for what it holds, as in x.(${written}) == y`,
    );
  }
  const type = typeOf(scope, value, text);
  const { type: dynamic, data } = interfaceWords(holder.storage, holder.type.empty, text);
  const held: Value = { kind: 'stored', type: type.type, storage: heldValue(type.type, data, text) };
  return answer(both(compare('eq', false, dynamic, descriptorOf(scope, type, text)), equal(held, value)));
};
