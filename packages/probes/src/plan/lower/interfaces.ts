/** == and != of two interfaces, which is how one asks for io.EOF and its like. */
import type { LoweredExpression } from '../expression.js';
import { both, checked, compare, either, load, not, constant as number, plus, unlessNil, word } from './build.js';
import type { Scope } from './scope.js';
import { readBits } from './storage.js';
import { typeMismatch, type Value } from './value.js';

/** abi.ITab: the interface's type, then the dynamic one (internal/abi/iface.go). */
const dynamicType = 8n;

/** abi.Type.Kind_, internal/abi/type.go: one byte, the kind in its lower five bits; the same since Go 1.7 on 64-bit machines. */
const kind = { offset: 23n, mask: 31n, pointer: 22n } as const;

interface Halves {
  readonly type: LoweredExpression;
  readonly data: LoweredExpression;
}

const halvesOf = (value: Extract<Value, { kind: 'stored' }>, text: string, empty: boolean): Halves => {
  const table = readBits(text, value.storage, 0, word);
  return {
    type: empty ? table : unlessNil(table, load(plus(table, dynamicType), word)),
    data: readBits(text, value.storage, 8, word),
  };
};

/**
 * Two pointers of one type are the same when their addresses are; other values of one type are compared by their contents,
 * which is left to who judges faults. Delve fails on two nil interfaces (compareOp, pkg/proc/eval.go 1.27). Undefined when
 * one side is no interface.
 */
export const compareInterfaces = (
  scope: Scope,
  isEqual: boolean,
  left: Value,
  right: Value,
  text: string,
): LoweredExpression | undefined => {
  if (left.kind !== 'stored' || right.kind !== 'stored') return undefined;
  if (left.type.kind !== 'interface' || right.type.kind !== 'interface') return undefined;
  if (left.type.name !== right.type.name) return typeMismatch(text, left.type.name, right.type.name);
  const a = halvesOf(left, text, left.type.empty);
  const b = halvesOf(right, text, right.type.empty);
  const isNil = compare('eq', false, a.type, number(0n));
  const kindOf: LoweredExpression = {
    kind: 'arithmetic',
    operator: 'and',
    type: word,
    left: load(plus(a.type, kind.offset), { width: 1, signed: false }),
    right: number(kind.mask),
  };
  const isPointer = compare('eq', false, kindOf, number(kind.pointer));
  const sameData = compare('eq', false, a.data, b.data);
  const same =
    scope.semantics === 'delve'
      ? checked(both(not(isNil), isPointer), sameData)
      : either(isNil, checked(isPointer, sameData));
  const equal = both(compare('eq', false, a.type, b.type), same);
  return isEqual ? equal : not(equal);
};
