/** Every place where a function was inlined, from one walk over the inline trees. */
import type { GoFunction, InlinedCopy } from '../api.js';
import { FormatError } from '../errors.js';
import type { Pclntab } from '../pclntab/pclntab.js';
import { type VirtualAddress, virtualAddress } from '../units.js';
import type { InlineTrees } from './trees.js';

type Range = [VirtualAddress, VirtualAddress];

/** Smallest record of any release, bytes: all trees together cannot hold more records than fit the file. */
const RECORD_BYTES = 16;

export interface CopyWalk {
  /** Bytes of the program's file. */
  readonly fileSize: number;
  readonly pclntab: Pclntab;
  readonly trees: InlineTrees;
  readonly functionOf: (index: number) => GoFunction;
  readonly nameOf: (offset: number) => string;
}

/** Name offsets, as a set or a judgement. */
export type WantedNames = Pick<ReadonlySet<number>, 'has'>;

/**
 * Calls `found` for each copy whose callee's name offset is wanted, host by host in address order. `hosts` are the indexes
 * of functions to look at; all where undefined.
 */
export const walkCopies = (
  walk: CopyWalk,
  wanted: WantedNames | undefined,
  found: (copy: InlinedCopy) => void,
  hosts?: readonly number[],
): void => {
  const { pclntab, trees } = walk;
  if (!trees.supported) return;
  let left = walk.fileSize / RECORD_BYTES;
  const count = hosts?.length ?? pclntab.functions.count;
  for (let position = 0; position < count; position++) {
    const index = hosts === undefined ? position : (hosts[position] ?? 0);
    const last = trees.lastIndex(index);
    if (last < 0) continue;
    left -= last + 1;
    if (left < 0) throw tooMany(pclntab.name(index), last);
    if (wanted !== undefined && !holds(trees, index, last, wanted)) continue;
    copiesIn(walk, index, last, wanted, found);
  }
};

const holds = (trees: InlineTrees, index: number, last: number, wanted: WantedNames): boolean => {
  for (let record = 0; record <= last; record++) if (wanted.has(trees.nameOffsetIn(index, record))) return true;
  return false;
};

const copiesIn = (
  walk: CopyWalk,
  index: number,
  last: number,
  wanted: WantedNames | undefined,
  found: (copy: InlinedCopy) => void,
): void => {
  const { pclntab, trees } = walk;
  trees.load(index);
  const ranges = rangesByRecord(trees, pclntab.entry(index), last);
  const host = walk.functionOf(index);
  for (let record = 0; record <= last; record++) {
    const callee = trees.nameOffset(record);
    if (wanted !== undefined && !wanted.has(callee)) continue;
    const parent = trees.parent(record);
    const own = ranges[record] ?? [];
    found({
      callee: walk.nameOf(callee),
      host,
      caller: parent < 0 ? host.name : walk.nameOf(trees.nameOffset(parent)),
      file: pclntab.fileAt(pclntab.fileOffset(index, trees.callFile(record))),
      line: Math.max(0, trees.callLine(record)),
      ranges: own,
      // Without code of its own a copy is known from its record alone, as a call that left nothing behind.
      approximate: own.length === 0,
    });
  }
};

/** A copy's code is its own and that of everything inlined into it. */
const rangesByRecord = (trees: InlineTrees, entry: number, last: number): (Range[] | undefined)[] => {
  const ranges = new Array<Range[] | undefined>(last + 1);
  const chain: number[] = [];
  const { indexes } = trees;
  let from = 0;
  for (let run = 0; run < indexes.length; run++) {
    const to = indexes.ends[run] ?? 0;
    const depth = trees.chain(indexes.values[run] ?? -1, chain);
    for (let level = 0; level < depth; level++) {
      const record = chain[level] ?? 0;
      if (record > last) continue;
      const list = ranges[record] ?? [];
      ranges[record] = list;
      const before = list.at(-1);
      if (before !== undefined && before[1] === entry + from) before[1] = virtualAddress(entry + to);
      else list.push([virtualAddress(entry + from), virtualAddress(entry + to)]);
    }
    from = to;
  }
  return ranges;
};

const tooMany = (name: string, last: number): FormatError =>
  new FormatError('bad-inline-tree', `the inline tree of ${name} names record ${last}; build the program again`, {
    expected: 'no more records than the file can hold',
    found: `${last}`,
  });
