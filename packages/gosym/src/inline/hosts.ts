/**
 * Which functions may hold copies of one function: the bytes of the inline records are searched for its name's offset, and
 * only functions whose tree contains a hit are walked. Most functions were inlined nowhere, and for them nothing is walked.
 */
import type { ElfImage } from '../elf/image.js';
import type { Pclntab } from '../pclntab/pclntab.js';
import type { InlineTrees } from './trees.js';

/** With more hits than this a walk over all trees is no slower. */
const MOST_HITS = 20_000;
/** Runtime data behind go:func.* reaches tens of MB in the largest programs. */
const LARGEST_REGION = 256 * 1024 * 1024;

/** Ascending indexes; undefined where the trees do not lie together (Go <= 1.17) and all must be walked. */
export const possibleHosts = (
  image: ElfImage,
  pclntab: Pclntab,
  trees: InlineTrees,
  gofunc: number | undefined,
  wanted: ReadonlySet<number>,
): readonly number[] | undefined => {
  const { layout } = trees;
  if (gofunc === undefined || layout === undefined || pclntab.header.format < 18) return undefined;
  const size = regionSize(image, gofunc);
  if (size <= 0 || size > LARGEST_REGION) return undefined;
  const region = image.readAt(gofunc, size, 'inline trees');
  const bytes = Buffer.from(region.data.buffer, region.data.byteOffset, region.length);
  const hits: number[] = [];
  const pattern = Buffer.alloc(4);
  for (const name of wanted) {
    if (region.littleEndian) pattern.writeUInt32LE(name);
    else pattern.writeUInt32BE(name);
    for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + 1)) {
      hits.push(gofunc + at - layout.nameField);
      if (hits.length > MOST_HITS) return undefined;
    }
  }
  return hits.length === 0 ? [] : owners(pclntab, trees, hits, layout.recordSize);
};

/** To the end of what holds the data: its section, or its segment where there is no section table. */
const regionSize = (image: ElfImage, address: number): number => {
  const section = image.sections.find(
    (candidate) =>
      candidate.address !== 0 && address >= candidate.address && address < candidate.address + candidate.size,
  );
  const inSegment = image.bytesFrom(address);
  return section === undefined ? inSegment : Math.min(inSegment, section.address + section.size - address);
};

const owners = (pclntab: Pclntab, trees: InlineTrees, hits: readonly number[], recordSize: number): number[] => {
  const byTree: { readonly tree: number; readonly index: number }[] = [];
  for (let index = 0; index < pclntab.functions.count; index++) {
    const tree = trees.treeAddress(index);
    if (tree !== undefined) byTree.push({ tree, index });
  }
  byTree.sort((a, b) => a.tree - b.tree);
  const found = new Set<number>();
  for (const hit of hits) {
    let at = lastNotAfter(byTree, hit);
    const tree = byTree[at]?.tree;
    if (tree === undefined || (hit - tree) % recordSize !== 0) continue;
    // Equal trees may be stored once.
    for (; byTree[at]?.tree === tree; at--) found.add(byTree[at]?.index ?? -1);
  }
  return [...found].sort((a, b) => a - b);
};

const lastNotAfter = (byTree: readonly { readonly tree: number }[], address: number): number => {
  let low = -1;
  let high = byTree.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((byTree[middle]?.tree ?? 0) <= address) low = middle;
    else high = middle;
  }
  return low;
};
