/**
 * Where pclntab stands: in `.gopclntab`, in `.data.rel.ro.gopclntab` (PIE up to Go 1.25), or nameless inside other
 * read-only data (external PIE, c-shared, plugin up to 1.25; programs without section table), found by its first bytes.
 */
import type { ElfImage } from '../elf/image.js';
import { SHT_NOBITS } from '../elf/image.js';
import { HEADER_BYTES, headerPatterns, parseHeader, type TableFormat, type TableHeader } from './header.js';

export interface TableCandidate {
  readonly address: number;
  /** Bytes from the table's start to the end of what holds it: an upper bound of its size. */
  readonly limit: number;
  readonly header: TableHeader;
}

const SECTION_NAMES = ['.gopclntab', '.data.rel.ro.gopclntab'];
const CHUNK_BYTES = 4 * 1024 * 1024;
const PF_X = 1;

/** Best first. Lazy: the search over all data runs only when no named section held a table. */
export function* tableCandidates(image: ElfImage): Iterable<TableCandidate> {
  for (const name of SECTION_NAMES) {
    const section = image.section(name);
    if (section === undefined || section.type === SHT_NOBITS || section.size < HEADER_BYTES) continue;
    const found = candidateAt(image, section.address, section.size);
    if (found !== undefined) yield found;
    else yield* withoutMagic(image, section.address, section.size);
  }
  for (const place of searchedPlaces(image)) yield* search(image, place);
}

interface Place {
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

const candidateAt = (image: ElfImage, address: number, limit: number, assume?: TableFormat) => {
  if (limit < HEADER_BYTES || image.bytesFrom(address) < HEADER_BYTES) return undefined;
  const bytes = image.readAt(address, HEADER_BYTES, 'pclntab');
  const header = parseHeader(bytes, 0, assume);
  if (header === undefined || header.pointerSize !== image.pointerSize) return undefined;
  return { address, limit: Math.min(limit, image.bytesFrom(address)), header };
};

/** garble writes a random magic: every layout is tried, newest first, and what reads the table decides. */
function* withoutMagic(image: ElfImage, address: number, limit: number): Iterable<TableCandidate> {
  for (const format of [20, 18, 16, 2] as const) {
    const found = candidateAt(image, address, limit, format);
    if (found !== undefined) yield found;
  }
}

/** Sections with data that is loaded and not code; where there is no section table, the segments that are not code. */
const searchedPlaces = (image: ElfImage): Place[] => {
  const sections = image.sections.filter(
    (section) =>
      section.address !== 0 && section.type === 1 && (section.flags & 6) === 2 && section.size > HEADER_BYTES,
  );
  const preferred = sections.filter((section) => /^\.(data\.rel\.ro|rodata)/.test(section.name));
  const segments = image.loads
    .filter((load) => (load.flags & PF_X) === 0)
    .map((load) => ({ address: load.address, offset: load.offset, size: load.fileSize }));
  return [...preferred, ...segments];
};

function* search(image: ElfImage, place: Place): Iterable<TableCandidate> {
  const patterns = headerPatterns(image.header.order, image.pointerSize);
  const end = Math.min(place.size, Math.max(0, image.source.size - place.offset));
  for (let start = 0; start < end; start += CHUNK_BYTES) {
    const chunk = image.source.read(place.offset + start, Math.min(CHUNK_BYTES + 8, end - start));
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (const pattern of patterns) {
      for (let at = buffer.indexOf(pattern); at >= 0; at = buffer.indexOf(pattern, at + 1)) {
        const address = place.address + start + at;
        if (address % image.pointerSize !== 0) continue;
        const found = candidateAt(image, address, place.size - start - at);
        if (found !== undefined) yield found;
      }
    }
  }
}
