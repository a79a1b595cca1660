/** Why a file without a function table has none, as well as it can be told, with the next step. */
import type { ElfImage } from './elf/image.js';
import { FormatError } from './errors.js';

/** UPX writes its mark near the start, after the program headers, and again near the end. */
const UPX_SEARCHED = 4096;

const contains = (image: ElfImage, offset: number, length: number, mark: string): boolean => {
  const start = Math.max(0, offset);
  const size = Math.min(length, image.source.size - start);
  return size > 0 && Buffer.from(image.source.read(start, size)).includes(mark, 0, 'latin1');
};

const sectionContains = (image: ElfImage, name: string, mark: string): boolean => {
  const section = image.section(name);
  if (section === undefined || section.offset + section.size > image.source.size) return false;
  return contains(image, section.offset, Math.min(section.size, 1024 * 1024), mark);
};

export const explainMissingTable = (image: ElfImage): FormatError => {
  if (
    contains(image, 0, UPX_SEARCHED, 'UPX!') ||
    contains(image, image.source.size - UPX_SEARCHED, UPX_SEARCHED, 'UPX!')
  ) {
    return new FormatError('packed', 'this program is packed with UPX; unpack a copy with `upx -d` and name that', {
      found: 'UPX!',
    });
  }
  if (image.section('.go_export') !== undefined || sectionContains(image, '.comment', 'gccgo') || usesLibgo(image)) {
    return new FormatError(
      'gccgo',
      'this program was built by gccgo, whose tables differ; build it with the gc toolchain (go build)',
    );
  }
  if (sectionContains(image, '.comment', 'TinyGo') || sectionContains(image, '.debug_str', 'TinyGo')) {
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

const usesLibgo = (image: ElfImage): boolean => sectionContains(image, '.dynstr', 'libgo.so');
