/** Why a file without a function table has none, as well as it can be told, with the next step. */
import type { ElfImage } from './elf/image.js';
import { FormatError } from './errors.js';

/** UPX writes its mark near the start, after the program headers, and again near the end. */
const UPX_SEARCHED = 4096;

/** Marks stand early in string sections, or everywhere. */
const SECTION_SEARCHED = 4 * 1024 * 1024;

const contains = (image: ElfImage, offset: number, length: number, mark: RegExp): boolean => {
  const start = Math.max(0, offset);
  const size = Math.min(length, image.source.size - start);
  if (size <= 0) return false;
  const bytes = image.source.read(start, size);
  return mark.test(Buffer.from(bytes.buffer, bytes.byteOffset, size).toString('latin1'));
};

const sectionContains = (image: ElfImage, name: string, mark: RegExp): boolean => {
  const section = image.section(name);
  if (section === undefined || section.offset + section.size > image.source.size) return false;
  return contains(image, section.offset, Math.min(section.size, SECTION_SEARCHED), mark);
};

export const explainMissingTable = (image: ElfImage): FormatError => {
  const end = image.source.size - UPX_SEARCHED;
  if ([0, end].some((start) => contains(image, start, UPX_SEARCHED, /UPX!/))) {
    return new FormatError('packed', 'this program is packed with UPX; unpack a copy with `upx -d` and name that', {
      found: 'UPX!',
    });
  }
  if (image.section('.go_export') !== undefined || sectionContains(image, '.strtab', /__gccgo/) || usesLibgo(image)) {
    return new FormatError(
      'gccgo',
      'this program was built by gccgo, whose tables differ; build it with the gc toolchain (go build)',
    );
  }
  if (['.comment', '.debug_str', '.strtab'].some((name) => sectionContains(image, name, /tinygo/i))) {
    return new FormatError(
      'tinygo',
      'this program was built by TinyGo, which writes no function table; build it with the gc toolchain (go build)',
    );
  }
  return new FormatError(
    'no-pclntab',
    'this program has no Go function table: it is not built by the gc toolchain, or its table was removed; name a program built with go build',
  );
};

const usesLibgo = (image: ElfImage): boolean => sectionContains(image, '.dynstr', /libgo\.so/);
