/**
 * Names of types by the address of their runtime descriptor, which interfaces carry (internal/abi/type.go; the same
 * offsets since Go 1.7 on 64-bit machines). They are there in stripped programs too: printing %T needs them.
 */
import { text } from '../bytes.js';
import type { ElfImage } from '../elf/image.js';
import type { ModuleData } from '../module/module-data.js';

/** abi.Type: flags, kind, and the offset of the name behind moduledata.types. Bytes. */
const FLAGS = 20;
const NAME = 40;
const TYPE_BYTES = 48;

/** abi.TFlagExtraStar: the name is kept with a star in front that is not the type's. */
const EXTRA_STAR = 2;

/** Flags, a varint length of two bytes at most (names longer than 16 KB are none), the text (Go >= 1.17). */
const HEADER_BYTES = 3;
const LONGEST_NAME = 4096;

/** "*errors.errorString", "main.Order"; undefined where there is no such type in the file. */
export const typeName = (image: ElfImage, module: ModuleData | undefined, address: number): string | undefined => {
  if (module?.types === undefined || image.pointerSize !== 8 || address % 4 !== 0) return undefined;
  if (address < module.types || image.bytesFrom(address) < TYPE_BYTES) return undefined;
  const type = image.readAt(address, TYPE_BYTES, 'a type');
  const offset = type.i32(NAME);
  const at = module.types + offset;
  if (offset <= 0 || image.bytesFrom(at) < HEADER_BYTES) return undefined;
  const header = image.readAt(at, HEADER_BYTES, "a type's name");
  const [low, high] = [header.u8(1), header.u8(2)];
  const isLong = low >= 0x80;
  const length = isLong ? (low & 0x7f) + high * 0x80 : low;
  const start = at + (isLong ? 3 : 2);
  if (length === 0 || length > LONGEST_NAME || image.bytesFrom(start) < length) return undefined;
  const name = text(image.readAt(start, length, "a type's name").data, 0, length);
  return (type.u8(FLAGS) & EXTRA_STAR) === 0 ? name : name.slice(1);
};
