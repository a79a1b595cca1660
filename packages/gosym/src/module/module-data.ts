/**
 * runtime.moduledata: the one place that says where the program text begins (`text`), which is what function offsets
 * count from since Go 1.18. The `.text` section is not it: under external linking C code stands before Go's.
 * Layouts: runtime/symtab.go of Go 1.5 to 1.27, as words of pointer size.
 */
import type { Bytes } from '../bytes.js';
import type { ElfImage } from '../elf/image.js';
import type { TableHeader } from '../pclntab/header.js';

export interface TextSection {
  /** Offset from `text` at which this part begins and ends, as functab counts. */
  readonly from: number;
  readonly to: number;
  /** Address of the part. */
  readonly base: number;
}

export interface ModuleData {
  readonly address: number;
  readonly text: number;
  readonly etext: number;
  readonly minPc: number;
  readonly maxPc: number;
  /** End of pclntab by the runtime's own slice of it. */
  readonly tableEnd: number;
  /** Address that funcdata offsets count from (Go >= 1.18). */
  readonly gofunc: number | undefined;
  /** Address that offsets of names of types count from (Go >= 1.18). */
  readonly types?: number | undefined;
  /** First and last N of Go 1.N whose linker writes this layout; the last undefined where later releases may, too. */
  readonly releases: readonly [number, number | undefined];
  /** More than one only where the text is too large for one section (ppc64, arm). */
  readonly textSections: readonly TextSection[];
}

export interface TablePlace {
  readonly address: number;
  readonly limit: number;
  readonly header: TableHeader;
}

/** Words up to and with textsectmap of Go 1.27. */
const WORDS = 48;
const MOST_TEXT_SECTIONS = 4096;

interface Slots {
  readonly table: number;
  readonly functab: number;
  readonly minPc: number;
  readonly text: number;
}

/** Go 1.5-1.15: pclntable, ftab, filetab slices, findfunctab, minpc, maxpc, text, etext. Since 1.16 pcHeader and six slices. */
const OLD: Slots = { table: 0, functab: 3, minPc: 10, text: 12 };
const NEW: Slots = { table: 13, functab: 16, minPc: 20, text: 22 };

/** moduledata.types of Go 1.18 and 1.19, and since the two words for coverage counters of 1.20. */
const TYPES_1_18 = 35;
const TYPES = 37;

export const moduleDataBytes = (image: ElfImage): number => WORDS * image.pointerSize;

/** Addresses that the first word of moduledata must hold, and the word after it (undefined: not an address). */
export const firstWords = (place: TablePlace): readonly [number, number | undefined] =>
  place.header.format === 2 ? [place.address, undefined] : [place.address, place.address + place.header.names];

/** Undefined where the words do not agree with the table: then this is not its moduledata. */
export const parseModuleData = (
  image: ElfImage,
  place: TablePlace,
  address: number,
  bytes: Bytes,
  readMore: (address: number, length: number) => Bytes | undefined,
): ModuleData | undefined => {
  const { header } = place;
  const slots = header.format === 2 ? OLD : NEW;
  const word = (slot: number): number | undefined => {
    const at = slot * image.pointerSize;
    return at + image.pointerSize <= bytes.length ? bytes.wordOrUndefined(at, image.pointerSize) : undefined;
  };
  const [first, second] = firstWords(place);
  const functab = place.address + header.functab;
  if (word(0) !== first || (second !== undefined && word(1) !== second)) return undefined;
  if (word(slots.functab) !== functab || word(slots.functab + 1) !== header.functionCount + 1) return undefined;
  const [table, size] = [word(slots.table), word(slots.table + 1)];
  const [minPc, maxPc] = [word(slots.minPc), word(slots.minPc + 1)];
  const [text, etext] = [word(slots.text), word(slots.text + 1)];
  if (table === undefined || size === undefined || minPc === undefined || maxPc === undefined) return undefined;
  if (text === undefined || etext === undefined || !(text <= minPc && minPc < maxPc)) return undefined;
  if (!image.isCode(minPc) || table + size > place.address + place.limit) return undefined;
  const tableEnd = table + size;
  const common = { address, text, etext, minPc, maxPc, tableEnd };
  if (header.format < 18) {
    return { ...common, gofunc: undefined, releases: header.format === 2 ? [5, 15] : [16, 17], textSections: [] };
  }
  const late = lateSlots(place, tableEnd, word);
  const textSections = readTextSections(image, word, late.textSections, readMore);
  const types = word(header.format === 18 ? TYPES_1_18 : TYPES);
  return { ...common, types, gofunc: word(late.gofunc), releases: late.releases, textSections };
};

interface LateSlots {
  readonly gofunc: number;
  readonly textSections: number;
  readonly releases: readonly [number, number | undefined];
}

/**
 * Since 1.26 gofunc lies inside pclntab and epclntab follows it, which tells 1.26 and 1.27 apart and from what was
 * before: all write the same magic, and stripped programs need not name their version.
 */
const lateSlots = (place: TablePlace, tableEnd: number, word: (slot: number) => number | undefined): LateSlots => {
  if (place.header.format === 18) return { gofunc: 38, textSections: 39, releases: [18, 19] };
  const end = Math.max(tableEnd, place.address + place.limit);
  const inTable = (slot: number): boolean => {
    const [gofunc, after] = [word(slot), word(slot + 1)];
    return gofunc !== undefined && after !== undefined && gofunc >= place.address && gofunc <= after && after <= end;
  };
  if (inTable(43)) return { gofunc: 43, textSections: 45, releases: [27, undefined] };
  if (inTable(40)) return { gofunc: 40, textSections: 42, releases: [26, 26] };
  return { gofunc: 40, textSections: 41, releases: [20, 25] };
};

const readTextSections = (
  image: ElfImage,
  word: (slot: number) => number | undefined,
  slot: number,
  readMore: (address: number, length: number) => Bytes | undefined,
): TextSection[] => {
  const address = word(slot);
  const count = word(slot + 1);
  if (address === undefined || count === undefined || count < 2 || count > MOST_TEXT_SECTIONS) return [];
  const size = image.pointerSize;
  const bytes = readMore(address, count * 3 * size);
  if (bytes === undefined) return [];
  return Array.from({ length: count }, (_, index) => {
    const at = index * 3 * size;
    return { from: bytes.word(at, size), to: bytes.word(at + size, size), base: bytes.word(at + 2 * size, size) };
  });
};

/** Address of the code at an offset of functab (Go >= 1.18; runtime.(*moduledata).textAddr). */
export const textAddress = (module: ModuleData, offset: number): number => {
  const sections = module.textSections;
  if (sections.length > 1) {
    for (const [index, section] of sections.entries()) {
      const last = index === sections.length - 1;
      if (offset >= section.from && (offset < section.to || (last && offset === section.to))) {
        return section.base + offset - section.from;
      }
    }
  }
  return module.text + offset;
};
