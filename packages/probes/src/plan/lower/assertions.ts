/** x.(T) for a concrete T: what an interface holds, where it holds that. */
import type { GoType, NamedType } from '@probelens/gosym';
import type { LoweredExpression } from '../expression.js';
import { checked, compare, load, constant as number, plus, unlessNil, word } from './build.js';
import type { Scope } from './scope.js';
import { readBits, type Storage } from './storage.js';
import { better, describe, unsupportedType, type Value } from './value.js';

/** abi.ITab: the interface's type, then the dynamic one (internal/abi/iface.go). */
const dynamicType = 8n;

export interface InterfaceWords {
  /** Address of the dynamic type, 0 for nil. */
  readonly type: LoweredExpression;
  /** The value where it is a pointer, else its address. */
  readonly data: LoweredExpression;
}

export const interfaceWords = (storage: Storage, empty: boolean, text: string): InterfaceWords => {
  const table = readBits(text, storage, 0, word);
  return {
    type: empty ? table : unlessNil(table, load(plus(table, dynamicType), word)),
    data: readBits(text, storage, 8, word),
  };
};

/**
 * Whether an interface's second word is the value itself (abi.TFlagDirectIface, abi.KindDirectIface before Go 1.26) or
 * its address. Fields without bytes beside the one that is a pointer made it an address until Go 1.26 (IsDirectIface,
 * cmd/compile/internal/types/type.go).
 */
const keptAs = (type: GoType): 'word' | 'address' | 'either' => {
  switch (type.kind) {
    case 'pointer':
    case 'map':
    case 'chan':
    case 'func':
    case 'unsafe-pointer':
      return 'word';
    case 'struct': {
      const inner = type.size === 8 ? type.fields.find((field) => field.type.size === 8) : undefined;
      const kept = inner === undefined ? 'address' : keptAs(inner.type);
      return kept === 'word' && type.fields.length > 1 ? 'either' : kept;
    }
    case 'array':
      return type.count === 1 ? keptAs(type.element()) : 'address';
    default:
      return 'address';
  }
};

/** Address of a type's descriptor. Throws Refused where the program does not say it. */
export const descriptorOf = (scope: Scope, { type, descriptor }: NamedType, text: string): LoweredExpression => {
  if (descriptor === undefined)
    return unsupportedType(text, `how interfaces mark values of ${type.name} is not known in this program`);
  if (!scope.frame.fixedAddresses)
    return unsupportedType(text, 'the program is position independent, so its types have no fixed addresses');
  return number(BigInt(descriptor));
};

/** Where the value is, if the interface holds one of this type. Throws Refused. */
export const heldValue = (type: GoType, data: LoweredExpression, text: string): Storage => {
  const kept = keptAs(type);
  if (kept === 'either')
    return unsupportedType(text, `Go's versions keep values of ${type.name} in interfaces in different ways`);
  return kept === 'word' ? { kind: 'bits', value: data } : { kind: 'memory', base: data, offset: 0, mayBeNil: false };
};

/** Another dynamic type is a panic in Go, and an error in Delve: "faulted". */
export const lowerAssertion = (scope: Scope, operand: Value, to: NamedType, text: string): Value => {
  if (operand.kind !== 'stored' || operand.type.kind !== 'interface')
    return unsupportedType(text, `${describe(operand)} is no interface`);
  if (to.type.kind === 'interface')
    return better(text, 'the kernel does not know which types have which methods', 'name the type that it holds');
  const { type, data } = interfaceWords(operand.storage, operand.type.empty, text);
  const holds = compare('eq', false, type, descriptorOf(scope, to, text));
  return { kind: 'stored', type: to.type, storage: heldValue(to.type, checked(holds, data), text) };
};
