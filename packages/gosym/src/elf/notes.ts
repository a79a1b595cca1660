/** Build ids from ELF notes (gABI, "Note Section"): GNU's (name "GNU", type 3) and Go's (name "Go", type 4). */
import type { BuildIds } from '../api.js';
import type { Bytes } from '../bytes.js';
import type { ElfImage } from './image.js';

const PT_NOTE = 4;
const SHT_NOTE = 7;
const NT_GNU_BUILD_ID = 3;
const NT_GO_BUILD_ID = 4;
/** Notes that matter are a few hundred bytes. */
const MOST_NOTE_BYTES = 64 * 1024;

export const readBuildIds = (image: ElfImage): BuildIds => {
  let gnu: string | undefined;
  let go: string | undefined;
  for (const place of notePlaces(image)) {
    const what = { what: 'an ELF note', fileOffset: place.offset, code: 'bad-elf' } as const;
    const bytes = image.bytes(image.source.read(place.offset, Math.min(place.size, MOST_NOTE_BYTES)), what);
    for (const note of notes(bytes)) {
      if (note.owner === 'GNU' && note.type === NT_GNU_BUILD_ID) gnu ??= Buffer.from(note.data).toString('hex');
      if (note.owner === 'Go' && note.type === NT_GO_BUILD_ID) go ??= Buffer.from(note.data).toString('utf8');
    }
  }
  return { gnu, go };
};

const notePlaces = (image: ElfImage): { offset: number; size: number }[] => {
  const sections = image.sections.filter((section) => section.type === SHT_NOTE);
  if (sections.length > 0) return sections.slice(0, 64);
  const segments = image.segments.filter((segment) => segment.type === PT_NOTE).slice(0, 64);
  return segments.map((segment) => ({ offset: segment.offset, size: segment.fileSize }));
};

const padded = (size: number): number => Math.ceil(size / 4) * 4;

function* notes(bytes: Bytes): Iterable<{ owner: string; type: number; data: Uint8Array }> {
  let at = 0;
  while (at + 12 <= bytes.length) {
    const ownerSize = bytes.u32(at);
    const dataSize = bytes.u32(at + 4);
    const ownerAt = at + 12;
    const dataAt = ownerAt + padded(ownerSize);
    if (dataAt + dataSize > bytes.length) return;
    const owner = Buffer.from(bytes.slice(ownerAt, ownerSize)).toString('latin1').replace(/\0+$/, '');
    yield { owner, type: bytes.u32(at + 8), data: bytes.slice(dataAt, dataSize) };
    at = dataAt + padded(dataSize);
  }
}
