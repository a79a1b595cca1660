/**
 * The scope `on label "key"="value"` as a condition: the labels of the current goroutine (pprof.Do, SetGoroutineLabels)
 * lie behind runtime.g.labels. Since Go 1.24 that is a *labelMap whose first field is a slice of pairs of strings
 * (src/runtime/pprof/label.go; internal/runtime/pprof/label since 1.26); before, it was a map, which the kernel does not
 * search. Child goroutines inherit the pointer, so they match too, as in a profile.
 */
import type { GoBinary, GoType } from '@probelens/gosym';
import { goroutineRegister } from '../program/registers.js';
import type { ProbeScope } from '../spec/spec.js';
import type { LoweredExpression } from './expression.js';
import { both, checked, compare, constant, either, load, plus, truth, unlessNil, word } from './lower/build.js';
import { Refused } from './refused.js';

/** Of a goroutine with more, where the label is not among the first, nothing is said: a fault. */
const mostLabels = 8;

/** Two strings, 16 bytes each. */
const pairSize = 32;

const signedWord = { width: 8, signed: true } as const;

interface LabelLayout {
  /** offsetof(runtime.g, labels). */
  readonly labels: number;
  /** Of the slice's header in what that points to. */
  readonly list: number;
}

const refused = (why: string): Refused =>
  new Refused('unsupported-scope', `${why}; use "on goroutine N" or a condition.`);

/** The first slice of pairs of strings in a struct, embedded ones included. */
const pairsIn = (type: GoType, base = 0): number | undefined => {
  if (type.kind === 'slice') {
    const element = type.element();
    const isPair =
      element.kind === 'struct' &&
      element.size === pairSize &&
      element.fields.every((each) => each.type.kind === 'string');
    return isPair ? base : undefined;
  }
  if (type.kind !== 'struct') return undefined;
  for (const field of type.fields) {
    const found = pairsIn(field.type, base + field.offset);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** runtime/pprof.labelMap as this program has it: the receiver of its one method. Undefined when that is not there. */
const labelMap = (binary: GoBinary): GoType | undefined => {
  const [method] = binary
    .functionsNamed('runtime/pprof.(*labelMap).String')
    .concat(binary.functionsNamed('runtime/pprof.labelMap.String'));
  const receiver = method && binary.parametersAtEntry(method).value[0]?.type;
  return receiver?.kind === 'pointer' ? receiver.target() : receiver;
};

const layoutOf = (binary: GoBinary): LabelLayout => {
  if (!binary.hasDwarf)
    throw refused('Labels cannot be found without debug information (the program was built with -ldflags=-w or -s)');
  const g = binary.packageVariable('runtime.g0')?.type;
  const labels = g?.kind === 'struct' ? g.fields.find(({ name }) => name === 'labels') : undefined;
  if (labels === undefined) throw refused("The place of a goroutine's labels is unknown in this program");
  const type = labelMap(binary);
  if (type === undefined) throw refused('This program sets no pprof labels (runtime/pprof is not in it)');
  const list = pairsIn(type);
  if (list === undefined) {
    const version = binary.goVersion ?? 'this version of Go';
    throw refused(
      `${version} keeps pprof labels in a map, which the kernel does not search; build with Go 1.24 or later`,
    );
  }
  return { labels: labels.offset, list };
};

const stringAt = (address: LoweredExpression, offset: number, text: string): LoweredExpression => ({
  kind: 'string-test',
  pointer: load(plus(address, BigInt(offset)), word),
  length: load(plus(address, BigInt(offset + 8)), signedWord),
  bytes: Buffer.from(text, 'utf8').toString('hex'),
  whole: true,
});

/** Longer labels are none that anybody writes; program/validate-expression.ts, maximumLiteral. */
const longestText = 512;

/** True for goroutines with the label; "faulted" where that cannot be known. Throws Refused. */
export const labelCondition = (
  { key, value }: Extract<ProbeScope, { kind: 'label' }>,
  binary: GoBinary,
): LoweredExpression => {
  if (Buffer.byteLength(key) > longestText || Buffer.byteLength(value) > longestText)
    throw refused(`The label is longer than ${longestText} bytes`);
  if (binary.machine !== 'amd64' && binary.machine !== 'arm64')
    throw refused(`Programs for ${binary.machine} have none`);
  const layout = layoutOf(binary);
  const g: LoweredExpression = { kind: 'register', register: goroutineRegister[binary.machine] };
  const labels = load(plus(g, BigInt(layout.labels)), word);
  const list = load(plus(labels, BigInt(layout.list)), word);
  const count = load(plus(labels, BigInt(layout.list + 8)), signedWord);
  const isAt = (index: number): LoweredExpression =>
    both(stringAt(list, index * pairSize, key), stringAt(list, index * pairSize + 16, value));
  // From the last to the first, so that a goroutine with few labels is done early.
  let found: LoweredExpression = checked(compare('le', true, count, constant(BigInt(mostLabels))), truth(false));
  for (let index = mostLabels - 1; index >= 0; index--)
    found = both(compare('gt', true, count, constant(BigInt(index))), either(isAt(index), found));
  return compare('ne', false, unlessNil(labels, found), constant(0n));
};
