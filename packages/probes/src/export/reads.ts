/**
 * Reads that fail: a field behind a nil pointer. There a condition holds nowhere and the probe counts a fault; the tools read
 * 0 and go on, so what they compute is guarded by "every read before it had an address".
 */
import type { LoweredExpression } from '../plan/expression.js';

/** Nothing is ever mapped below (vm.mmap_min_addr; Go's own nil checks rely on it). */
export const firstAddress = 4096n;

const constant = (value: bigint): LoweredExpression => ({ kind: 'constant', value: value.toString() });

const truth = constant(1n);

const isTrue = (node: LoweredExpression): boolean => node.kind === 'constant' && node.value === '1';

const both = (left: LoweredExpression, right: LoweredExpression): LoweredExpression =>
  isTrue(left) ? right : isTrue(right) ? left : { kind: 'logical', operator: 'and', left, right };

const either = (left: LoweredExpression, right: LoweredExpression): LoweredExpression =>
  isTrue(right) ? right : { kind: 'logical', operator: 'or', left, right };

const compare = (operator: 'eq' | 'ge', left: LoweredExpression, right: bigint): LoweredExpression => ({
  kind: 'compare',
  operator,
  signed: false,
  left,
  right: constant(right),
});

/** Stack and package variables are always there: only an address that was read may be nil. */
const isRead = (address: LoweredExpression): boolean =>
  address.kind === 'arithmetic' && address.right.kind === 'constant'
    ? isRead(address.left)
    : address.kind !== 'constant' && !(address.kind === 'register' && /^r[sb]p$/.test(address.register));

/** Whether an expression can be computed at the hit: itself an expression, which reads nothing that may fail. */
const computable = (node: LoweredExpression): LoweredExpression => {
  switch (node.kind) {
    case 'constant':
    case 'register':
    case 'goroutine-id':
      return truth;
    case 'load':
      return both(computable(node.address), isRead(node.address) ? compare('ge', node.address, firstAddress) : truth);
    case 'convert':
    case 'not':
      return computable(node.value);
    case 'arithmetic':
    case 'compare':
    case 'compare-float':
      return both(computable(node.left), computable(node.right));
    case 'string-test':
    case 'string-order':
    case 'string-search':
      return both(computable(node.pointer), computable(node.length));
    case 'interface-equal':
      return both(computable(node.type), both(computable(node.left), computable(node.right)));
    case 'logical': {
      const right = computable(node.right);
      const skipped = node.operator === 'or' ? node.left : ({ kind: 'not', value: node.left } as const);
      return both(computable(node.left), either(skipped, right));
    }
    case 'checked':
      return both(both(computable(node.condition), node.condition), computable(node.value));
    case 'unless-nil':
      return both(computable(node.pointer), either(compare('eq', node.pointer, 0n), computable(node.value)));
  }
};

/** Undefined where nothing can fail. */
export const mayFail = (node: LoweredExpression): LoweredExpression | undefined => {
  const guard = computable(node);
  return isTrue(guard) ? undefined : guard;
};
