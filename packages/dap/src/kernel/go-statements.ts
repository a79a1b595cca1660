/**
 * The `go` statements of a source line, read from its machine code (x86-64). `go f(x)` makes a closure of a wrapper
 * ("main.spawn.gowrap1", Go >= 1.22; a numbered func before) and hands it to runtime.newproc, whose return address is the
 * new goroutine's `gopc` (src/runtime/proc.go); with `parentGoid` (Go >= 1.21) that tells whose statement it was.
 */
import { type GoBinary, type GoFunction, type VirtualAddress, virtualAddress } from '@probelens/gosym';
import type { GoStatement } from '../core/kernel-words.js';

/** First minor version of Go 1 with runtime.g.parentGoid. */
const firstWithParent = 21;

interface Run {
  readonly start: number;
  readonly code: Uint8Array;
}

const runsOf = (binary: GoBinary, fn: GoFunction, line: number): readonly Run[] => {
  const code = binary.code(fn);
  const lines = binary.linesOf(fn);
  return lines.flatMap(({ address, chain }, index): readonly Run[] => {
    if (chain.length !== 1 || chain[0]?.line !== line) return [];
    const end = lines[index + 1]?.address ?? fn.entry + code.length;
    return [{ start: address, code: code.subarray(address - fn.entry, end - fn.entry) }];
  });
};

const displacement = (code: Uint8Array, at: number): number =>
  new DataView(code.buffer, code.byteOffset + at, 4).getInt32(0, true);

/** Addresses behind calls of `entry`: `e8` and a distance that no other instruction would have by chance. */
const callsOf = ({ start, code }: Run, entry: number): readonly number[] => {
  const found: number[] = [];
  for (let at = 0; at + 5 <= code.length; at += 1) {
    const behind = start + at + 5;
    if (code[at] === 0xe8 && behind + displacement(code, at + 1) === entry) found.push(behind);
  }
  return found;
};

/** What `lea disp(%rip), %reg` points at (REX.W 8d /r, mod 00, rm 101). */
const addressesTaken = ({ start, code }: Run): readonly number[] => {
  const found: number[] = [];
  for (let at = 0; at + 7 <= code.length; at += 1) {
    const wide = code[at] === 0x48 || code[at] === 0x4c;
    if (wide && code[at + 1] === 0x8d && ((code[at + 2] ?? 0) & 0xc7) === 0x05)
      found.push(start + at + 7 + displacement(code, at + 3));
  }
  return found;
};

const functionFrom = (binary: GoBinary, address: number): GoFunction | undefined => {
  if (address <= 0) return undefined;
  const fn = binary.functionAt(virtualAddress(address));
  if (fn !== undefined) return fn.entry === address ? fn : undefined;
  // A funcval in read-only data: a word that points at the code.
  const [target] = binary.pointersAt(virtualAddress(address), 1);
  const pointed = target === undefined ? undefined : binary.functionAt(target);
  return pointed?.entry === target ? pointed : undefined;
};

const isWrapper = ({ name, generated }: GoFunction): boolean => generated || /\.gowrap\d+$|·dwrap·\d+$/.test(name);

/** What a wrapper is for: the function that it calls. */
const wrapped = (binary: GoBinary, wrapper: GoFunction): GoFunction | undefined => {
  const code = binary.code(wrapper);
  for (let at = 0; at + 5 <= code.length; at += 1) {
    if (code[at] !== 0xe8) continue;
    const target = wrapper.entry + at + 5 + displacement(code, at + 1);
    const fn = target > 0 ? binary.functionAt(virtualAddress(target)) : undefined;
    if (fn?.entry === target && !fn.name.startsWith('runtime.')) return fn;
  }
  return undefined;
};

/** Behind the prologue, on the first line of the body, where there is one. */
const bodyOf = (binary: GoBinary, fn: GoFunction): VirtualAddress => {
  const statements = binary.statementsOf(fn) ?? [];
  const first = statements.find(
    (address) => address > fn.entry && binary.positionsAt(address).at(-1)?.line !== fn.line,
  );
  return first ?? statements.find((address) => address > fn.entry) ?? fn.entry;
};

const startOf = (
  binary: GoBinary,
  started: GoFunction,
): { readonly name: string; readonly address: VirtualAddress } => {
  if (!isWrapper(started)) return { name: started.name, address: bodyOf(binary, started) };
  const inner = wrapped(binary, started);
  if (inner !== undefined) return { name: inner.name, address: bodyOf(binary, inner) };
  // Inlined into its wrapper.
  const copy = binary.linesOf(started).find(({ chain }) => chain.length > 1);
  return { name: copy?.chain[0]?.function ?? started.name, address: copy?.address ?? bodyOf(binary, started) };
};

const hasParents = (version: string | undefined): boolean =>
  Number(/^go1\.(\d+)/.exec(version ?? '')?.[1] ?? 0) >= firstWithParent;

/** Of the line that `pc` (as linked) belongs to. */
export const goStatementsAt = (binary: GoBinary, pc: number): readonly GoStatement[] => {
  const fn = binary.functionAt(virtualAddress(pc));
  const [position, ...outer] = binary.positionsAt(virtualAddress(pc));
  const [newproc] = binary.functionsNamed('runtime.newproc');
  if (binary.machine !== 'amd64' || !hasParents(binary.goVersion)) return [];
  if (fn === undefined || position === undefined || outer.length > 0 || newproc === undefined) return [];
  const runs = runsOf(binary, fn, position.line);
  const callers = runs.flatMap((run) => callsOf(run, newproc.entry));
  if (callers.length === 0) return [];
  const taken = runs.flatMap(addressesTaken).map((address) => functionFrom(binary, address));
  const known = taken.filter((each) => each !== undefined);
  const own = known.filter((each) => isWrapper(each) || each.name.startsWith(`${fn.name}.func`));
  const started = own.length > 0 ? own : known.slice(-1);
  return started.map((each) => ({ ...startOf(binary, each), callers }));
};
