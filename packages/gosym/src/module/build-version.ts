/**
 * The release of a stripped program that carries no build info (Go <= 1.12): the variable runtime.buildVersion is a string
 * header in the data that points to text like "go1.12.17". Found by that: every such text in read-only data, and whether a
 * pointer to it, followed by its length, stands in writable data. Where two different ones do, nobody may choose.
 */
import type { ElfImage } from '../elf/image.js';
import { goMinor } from '../version.js';

const RELEASE = /^go1(?:\.\d{1,2}){1,2}(?:(?:beta|rc)\d{1,2})?/;
const LONGEST_RELEASE = 16;
/** Since Go 1.16 tables tell releases apart, and build info is always there: text alone is no longer taken for it. */
const LAST_RELEASE = 15;
/** A program with more mentions of releases is about releases. */
const MOST_MENTIONS = 256;
const SEARCHED_BYTES = 256 * 1024 * 1024;
const CHUNK_BYTES = 4 * 1024 * 1024;
const PF_W = 2;

export const findBuildVersion = (image: ElfImage): string | undefined => {
  const mentions = releaseTexts(image);
  if (mentions.size === 0 || mentions.size > MOST_MENTIONS) return undefined;
  const found = new Set<string>();
  for (const data of chunks(image, true)) {
    for (const [address, text] of mentions) {
      for (const length of lengthsOf(text)) {
        if (data.bytes.includes(stringHeader(image, address, length))) found.add(text.slice(0, length));
      }
    }
  }
  const [only] = found;
  return found.size === 1 && (goMinor(only) ?? LAST_RELEASE + 1) <= LAST_RELEASE ? only : undefined;
};

/** By their addresses, texts that begin with a release. Strings stand back to back, so where one ends is not in the text. */
const releaseTexts = (image: ElfImage): Map<number, string> => {
  const texts = new Map<number, string>();
  for (const { address, bytes } of chunks(image, false)) {
    for (let at = bytes.indexOf('go1.'); at >= 0 && texts.size <= MOST_MENTIONS; at = bytes.indexOf('go1.', at + 1)) {
      const text = bytes.toString('latin1', at, at + LONGEST_RELEASE);
      if (RELEASE.test(text)) texts.set(address + at, text);
    }
  }
  return texts;
};

/** "go1.12.170" may be go1.1, go1.12, go1.12.1, go1.12.17: the string header says which. */
const lengthsOf = (text: string): number[] =>
  Array.from({ length: LONGEST_RELEASE + 1 }, (_, length) => length).filter(
    (length) => RELEASE.exec(text.slice(0, length))?.[0].length === length,
  );

const stringHeader = (image: ElfImage, address: number, length: number): Buffer => {
  const size = image.pointerSize;
  const little = image.header.order === 'little';
  const view = new DataView(new ArrayBuffer(2 * size));
  for (const [index, word] of [address, length].entries()) {
    if (size === 4) view.setUint32(index * 4, word, little);
    else view.setBigUint64(index * 8, BigInt(word), little);
  }
  return Buffer.from(view.buffer);
};

function* chunks(image: ElfImage, writable: boolean): Iterable<{ readonly address: number; readonly bytes: Buffer }> {
  let left = SEARCHED_BYTES;
  for (const load of image.loads.filter(({ flags }) => ((flags & PF_W) !== 0) === writable)) {
    const end = Math.min(load.fileSize, left, Math.max(0, image.source.size - load.offset));
    left -= end;
    for (let start = 0; start < end; start += CHUNK_BYTES) {
      // What straddles two chunks is seen whole in the first.
      const data = image.source.read(load.offset + start, Math.min(CHUNK_BYTES + 2 * LONGEST_RELEASE, end - start));
      yield { address: load.address + start, bytes: Buffer.from(data.buffer, data.byteOffset, data.length) };
    }
  }
}
