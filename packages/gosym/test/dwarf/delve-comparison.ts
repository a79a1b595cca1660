import type { GoType, GoVariable } from '../../src/api.js';
import { ARGUMENT, type DelveSession, type DelveVariable, RESULT, SHADOWED } from './delve-session.js';
import { type Machine, readPlace, unsigned } from './place-reader.js';

/** reflect.Kind */
const [SLICE, STRING] = [23, 24];

/** One difference between what we say and what Delve prints, in a form that a test can list. */
export interface Difference {
  readonly kind:
    | 'only-delve'
    | 'only-ours'
    | 'readable-only-in-delve'
    | 'readable-only-by-us'
    | 'value'
    | 'type'
    | 'role';
  readonly variable: string;
  readonly detail: string;
}

export const compareStop = async (
  machine: Machine,
  ours: readonly GoVariable[],
  delve: readonly DelveVariable[],
): Promise<{ readonly compared: number; readonly differences: readonly Difference[] }> => {
  const differences: Difference[] = [];
  let compared = 0;
  const visible = delve.filter(({ name, flags }) => (flags & SHADOWED) === 0 && !isUnnamed(name));
  for (const theirs of visible) {
    const mine = ours.find(({ name }) => name === theirs.name);
    const add = (kind: Difference['kind'], detail: string): void => {
      differences.push({ kind, variable: theirs.name, detail });
    };
    if (mine === undefined) {
      add('only-delve', theirs.value);
      continue;
    }
    if (mine.role !== roleOf(theirs)) add('role', `${mine.role} / ${roleOf(theirs)}`);
    const bytes = await readPlace(machine, mine.place, mine.type.size);
    if (bytes === undefined) {
      if (theirs.unreadable === '') add('readable-only-in-delve', JSON.stringify(mine.place));
      continue;
    }
    if (theirs.unreadable !== '' && !isGarbage(theirs.unreadable)) {
      add('readable-only-by-us', `${JSON.stringify(mine.place)}: ${theirs.unreadable}`);
      continue;
    }
    if (theirs.unreadable !== '' && theirs.kind !== STRING && theirs.kind !== SLICE) continue;
    compared += 1;
    // Delve reads the type arguments of generic code from the running program; the file has their shapes.
    if (mine.type.name !== theirs.type && !mine.type.name.includes('go.shape.'))
      add('type', `${mine.type.name} / ${theirs.type}`);
    for (const detail of await compareValue(machine, mine.type, bytes, theirs)) add('value', detail);
  }
  for (const { name } of ours) {
    if (!visible.some((theirs) => theirs.name === name))
      differences.push({ kind: 'only-ours', variable: name, detail: '' });
  }
  return { compared, differences };
};

/**
 * Delve found the place and could not make sense of what it holds: a result not yet set, or a place that Go's location
 * lists (1.26) let run on over blocks which the compiler laid out behind the one they belong to; Delve and we follow
 * them alike. Or it holds a func or an interface in registers, which Delve wants in memory.
 */
const isGarbage = (reason: string): boolean =>
  /could not (read|resolve|find function)|[Nn]egative array length|invalid length|nil base|empty OP stack|input\/output error|read out of bounds/.test(
    reason,
  );

const roleOf = ({ flags }: DelveVariable): GoVariable['role'] => {
  if ((flags & ARGUMENT) !== 0) return 'parameter';
  return (flags & RESULT) !== 0 ? 'result' : 'local';
};

/** Parameters without a name; ".this" and the like are the compiler's. */
const isUnnamed = (name: string): boolean => name === '_' || name.startsWith('.') || /^~p\d+$/.test(name);

const equal = (ours: unknown, theirs: unknown): string[] =>
  String(ours) === String(theirs) ? [] : [`${String(ours)} / ${String(theirs)}`];

/** Differences between bytes read at our place and Delve's rendering of the same variable. */
const compareValue = async (
  machine: Machine,
  type: GoType,
  bytes: Uint8Array,
  theirs: DelveVariable,
): Promise<readonly string[]> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type.kind) {
    case 'bool':
      return equal(view.getUint8(0) !== 0, theirs.value);
    case 'int':
    case 'uint':
      // A constant's name stands before its value: "high (7)".
      return equal(integer(view, type.kind === 'int', type.size), theirs.value.replace(/^\D\w* \((-?\d+)\)$/, '$1'));
    case 'float':
      return equal(float(view, 0, type.size), Number(theirs.value));
    case 'complex':
      return theirs.children.flatMap((child, part) =>
        equal(float(view, (part * type.size) / 2, type.size / 2), Number(child.value)),
      );
    case 'string':
      return compareText(machine, unsigned(bytes, 0), unsigned(bytes, 8), theirs);
    case 'pointer':
      return equal(unsigned(bytes, 0), theirs.children[0]?.addr ?? 0);
    case 'slice':
      // Without a base Delve does not look at the length.
      if (unsigned(bytes, 0) === 0) return equal(0, theirs.base);
      return [...equal(Number(view.getBigInt64(8, true)), theirs.len), ...equal(unsigned(bytes, 0), theirs.base)];
    case 'map':
      return equal(unsigned(bytes, 0) === 0, theirs.base === 0);
    case 'func':
      return equal(unsigned(bytes, 0) === 0, theirs.base === 0);
    case 'interface':
      return equal(unsigned(bytes, 0) === 0, theirs.children[0]?.kind === 0);
    case 'struct':
    case 'array':
      return compareParts(machine, type, bytes, theirs);
    default:
      return [];
  }
};

const compareText = async (
  machine: Machine,
  address: number,
  length: number,
  theirs: DelveVariable,
): Promise<readonly string[]> => {
  // A result that is not set yet: Delve answers in one of several ways, and there is nothing to compare.
  if (length >= 2 ** 47) return [];
  if (theirs.unreadable !== '' || length === 0) return equal(length, theirs.len);
  const text = Buffer.from(await machine.memory(address, Math.min(length, 64))).toString('utf8');
  // Bytes that are no UTF-8 become replacement characters, in other numbers in Go than in Node.
  const plain = (value: string): string => value.replaceAll('\ufffd', '');
  return [...equal(length, theirs.len), ...equal(plain(text), plain(theirs.value))];
};

const compareParts = async (
  machine: Machine,
  type: GoType & { kind: 'struct' | 'array' },
  bytes: Uint8Array,
  theirs: DelveVariable,
): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const [index, child] of theirs.children.entries()) {
    const field = type.kind === 'struct' ? type.fields[index] : undefined;
    const element = type.kind === 'array' ? type.element() : field?.type;
    if (element === undefined) return [...found, `no part ${index} ${child.name}`];
    const offset = field?.offset ?? index * element.size;
    const details = await compareValue(machine, element, bytes.subarray(offset, offset + element.size), child);
    found.push(...details.map((detail) => `.${field?.name ?? index}: ${detail}`));
  }
  return found;
};

const float = (view: DataView, offset: number, size: number): number =>
  size === 4 ? Number(shortest(view.getFloat32(offset, true))) : view.getFloat64(offset, true);

/** Delve prints a float32 with the digits that identify it among float32 values. */
const shortest = (value: number): string => {
  for (let digits = 1; digits < 17; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
};

const integer = (view: DataView, signed: boolean, size: number): number | bigint => {
  switch (size) {
    case 1:
      return signed ? view.getInt8(0) : view.getUint8(0);
    case 2:
      return signed ? view.getInt16(0, true) : view.getUint16(0, true);
    case 4:
      return signed ? view.getInt32(0, true) : view.getUint32(0, true);
    default:
      return signed ? view.getBigInt64(0, true) : view.getBigUint64(0, true);
  }
};

/** The stopped thread with the frame that our call-frame rules give it. */
export const stoppedMachine = async (
  session: DelveSession,
  rule: { readonly register: string; readonly offset: number },
): Promise<Machine> => {
  const registers = await session.registers();
  const base = registers.get(rule.register);
  if (base === undefined) throw new Error(`no register ${rule.register}`);
  return { registers, cfa: unsigned(base, 0) + rule.offset, memory: (address, size) => session.memory(address, size) };
};
