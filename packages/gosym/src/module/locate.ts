/**
 * Finds moduledata, and with it the text base, in four ways: the section `.go.module` (Go >= 1.26), the symbol
 * runtime.firstmoduledata, a search of the data for a pointer to pclntab followed by one to its names, and the same among
 * the relocations. Whatever way found it, its words must agree with the table; where none does, the answer is undefined
 * and nobody may guess: a wrong text base plants probes into the middle of instructions.
 */
import type { Bytes } from '../bytes.js';
import type { ElfImage } from '../elf/image.js';
import { SHT_NOBITS } from '../elf/image.js';
import type { ElfSymbols } from '../elf/symbols.js';
import { firstWords, type ModuleData, moduleDataBytes, parseModuleData, type TablePlace } from './module-data.js';

const CHUNK_BYTES = 4 * 1024 * 1024;
/** Data that holds this many pointers to pclntab is not a linker's output. */
const MOST_HITS = 256;

export interface ModuleSearch {
  readonly image: ElfImage;
  readonly symbols: ElfSymbols;
}

export type ModuleWay = 'section' | 'symbol' | 'data' | 'relocations';

export interface FoundModule {
  readonly module: ModuleData;
  readonly way: ModuleWay;
}

export const locateModuleData = (
  search: ModuleSearch,
  place: TablePlace,
  ways: readonly ModuleWay[] = ['section', 'symbol', 'data', 'relocations'],
): FoundModule | undefined => {
  for (const way of ways) {
    for (const address of addresses(search, place, way)) {
      const module = moduleAt(search.image, place, address, way === 'symbol' || way === 'relocations');
      if (module !== undefined) return { module, way };
    }
  }
  return undefined;
};

function* addresses(search: ModuleSearch, place: TablePlace, way: ModuleWay): Iterable<number> {
  const { image, symbols } = search;
  if (way === 'section') {
    const section = image.section('.go.module');
    if (section !== undefined) yield section.address;
  } else if (way === 'symbol') {
    const symbol = symbols.find('runtime.firstmoduledata') ?? symbols.find('local.moduledata');
    if (symbol !== undefined) yield symbol.value;
  } else if (way === 'data') {
    yield* inData(image, place);
  } else {
    const { places, values } = image.relocations;
    const [first] = firstWords(place);
    for (let index = values.indexOf(first); index >= 0; index = values.indexOf(first, index + 1)) {
      yield places[index] ?? 0;
    }
  }
}

const moduleAt = (image: ElfImage, place: TablePlace, address: number, relocate: boolean) => {
  const read = (at: number, length: number): Bytes | undefined => {
    const available = Math.min(length, image.bytesFrom(at));
    if (available <= 0) return undefined;
    const what = 'runtime.firstmoduledata';
    return relocate ? image.readRelocated(at, available, what) : image.readAt(at, available, what);
  };
  const bytes = read(address, moduleDataBytes(image));
  return bytes === undefined ? undefined : parseModuleData(image, place, address, bytes, read);
};

/** Pointer-aligned places in loaded data that hold the table's address. */
function* inData(image: ElfImage, place: TablePlace): Iterable<number> {
  const size = image.pointerSize;
  const [first, second] = firstWords(place);
  const pattern = pointerBytes(image, second === undefined ? [first] : [first, second]);
  let hits = 0;
  for (const range of dataRanges(image)) {
    const end = Math.min(range.size, Math.max(0, image.source.size - range.offset));
    for (let start = 0; start < end; start += CHUNK_BYTES) {
      const chunk = image.source.read(range.offset + start, Math.min(CHUNK_BYTES + 2 * size, end - start));
      const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      for (let at = buffer.indexOf(pattern); at >= 0; at = buffer.indexOf(pattern, at + 1)) {
        const address = range.address + start + at;
        if (address % size === 0) yield address;
        hits += 1;
        if (hits >= MOST_HITS) return;
      }
    }
  }
}

const pointerBytes = (image: ElfImage, pointers: readonly number[]): Uint8Array => {
  const size = image.pointerSize;
  const little = image.header.order === 'little';
  const view = new DataView(new ArrayBuffer(pointers.length * size));
  for (const [index, pointer] of pointers.entries()) {
    if (size === 4) view.setUint32(index * 4, pointer, little);
    else view.setBigUint64(index * 8, BigInt(pointer), little);
  }
  return new Uint8Array(view.buffer);
};

/** Writable sections; without a section table, writable segments. Small ones first: moduledata stands in a small one. */
const dataRanges = (image: ElfImage): { address: number; offset: number; size: number }[] => {
  const writable = image.sections.filter((section) => (section.flags & 3) === 3 && section.type !== SHT_NOBITS);
  if (writable.length > 0) return [...writable].sort((a, b) => a.size - b.size);
  return image.loads
    .filter((load) => (load.flags & 2) !== 0)
    .map((load) => ({ address: load.address, offset: load.offset, size: load.fileSize }));
};
