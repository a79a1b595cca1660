/**
 * What `go version -m` shows: the toolchain's version and the modules, from the blob that the linker puts at the start
 * of `.go.buildinfo` or of the data (cmd/link/internal/ld.buildinfo; reader: debug/buildinfo).
 */
import type { BuildInfo, GoModule } from '../api.js';
import { type Bytes, text } from '../bytes.js';
import type { ElfImage } from '../elf/image.js';
import type { ElfSymbols } from '../elf/symbols.js';

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const ALIGNMENT = 16;
const HEADER_BYTES = 32;
const FLAG_BIG_ENDIAN = 1;
const FLAG_INLINE = 2;
/** The module list of the largest programs is some 100 KB; the blob stands near the start of the data. */
const LARGEST_TEXT = 16 * 1024 * 1024;
const SEARCHED_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const PF_W = 2;

export const readBuildInfo = (image: ElfImage, symbols: ElfSymbols): BuildInfo | undefined => {
  const address = findBlob(image);
  const raw = address === undefined ? undefined : readBlob(image, address);
  // garble writes "unknown".
  if (raw !== undefined && isVersion(raw.version)) return parseBuildInfo(raw.version, raw.modules);
  // Go < 1.13 has no blob, but its version in a variable.
  const version = versionVariable(image, symbols);
  return version === undefined ? undefined : buildInfoOf(version);
};

const findBlob = (image: ElfImage): number | undefined => {
  const section = image.section('.go.buildinfo');
  const segments = image.loads
    .filter((load) => (load.flags & PF_W) !== 0)
    .map((load) => ({ address: load.address, offset: load.offset, size: load.fileSize }));
  for (const place of section === undefined ? segments : [section, ...segments]) {
    const found = searchBlob(image, place);
    if (found !== undefined) return found;
  }
  return undefined;
};

const searchBlob = (
  image: ElfImage,
  place: { readonly address: number; readonly offset: number; readonly size: number },
): number | undefined => {
  const end = Math.min(place.size, SEARCHED_BYTES, Math.max(0, image.source.size - place.offset));
  for (let start = 0; start < end; start += CHUNK_BYTES) {
    const chunk = image.source.read(place.offset + start, Math.min(CHUNK_BYTES, end - start));
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = buffer.indexOf(MAGIC); at >= 0; at = buffer.indexOf(MAGIC, at + 1)) {
      if ((place.address + start + at) % ALIGNMENT === 0) return place.address + start + at;
    }
  }
  return undefined;
};

const readBlob = (image: ElfImage, address: number): { version: string; modules: string } | undefined => {
  if (image.bytesFrom(address) < HEADER_BYTES) return undefined;
  const header = image.readRelocated(address, HEADER_BYTES, 'the build info');
  const flags = header.u8(15);
  if ((flags & FLAG_INLINE) === 0) {
    const size = header.u8(14);
    if ((size !== 4 && size !== 8) || ((flags & FLAG_BIG_ENDIAN) === 0) !== header.littleEndian) return undefined;
    const version = goString(image, header.word(16, size));
    const modules = goString(image, header.word(16 + size, size));
    return version === undefined ? undefined : { version: plain(version), modules: unframed(modules) };
  }
  const rest = Math.min(image.bytesFrom(address) - HEADER_BYTES, LARGEST_TEXT);
  const body = image.readAt(address + HEADER_BYTES, rest, 'the build info');
  const version = prefixed(body, 0);
  const modules = version === undefined ? undefined : prefixed(body, version.end);
  return version === undefined ? undefined : { version: plain(version.data), modules: unframed(modules?.data) };
};

const plain = (data: Uint8Array): string => text(data, 0, data.length);

/** The linker frames the module list with 16 bytes on each side (cmd/go/internal/modload.infoStart, infoEnd). */
const unframed = (data: Uint8Array | undefined): string =>
  data === undefined || data.length < 33 || data[data.length - 17] !== 0x0a ? '' : text(data, 16, data.length - 16);

/** A length as a varint, then that many bytes. */
const prefixed = (bytes: Bytes, start: number): { data: Uint8Array; end: number } | undefined => {
  let length = 0;
  let at = start;
  for (let shift = 0; shift < 35 && at < bytes.length; shift += 7) {
    const byte = bytes.u8(at);
    at += 1;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      return at + length > bytes.length ? undefined : { data: bytes.slice(at, length), end: at + length };
    }
  }
  return undefined;
};

/** The Go string whose header {pointer, length} stands at `address`; undefined where the file does not hold it. */
const goString = (image: ElfImage, address: number): Uint8Array | undefined => {
  const size = image.pointerSize;
  if (image.bytesFrom(address) < 2 * size) return undefined;
  const header = image.readRelocated(address, 2 * size, 'a string header');
  const data = header.wordOrUndefined(0, size);
  const length = header.wordOrUndefined(size, size);
  if (data === undefined || length === undefined || length > LARGEST_TEXT || image.bytesFrom(data) < length) {
    return undefined;
  }
  return image.readAt(data, length, 'a string').data;
};

const versionVariable = (image: ElfImage, symbols: ElfSymbols): string | undefined => {
  const symbol = symbols.find('runtime.buildVersion');
  const version = symbol === undefined ? undefined : goString(image, symbol.value);
  return version !== undefined && isVersion(plain(version)) ? plain(version) : undefined;
};

const isVersion = (text: string): boolean => /^(go1|devel)/.test(text);

/** Where nothing but the version is known. */
export const buildInfoOf = (goVersion: string): BuildInfo => parseBuildInfo(goVersion, '');

/** Format: runtime/debug.BuildInfo.String. */
const parseBuildInfo = (goVersion: string, modules: string): BuildInfo => {
  let mainPackage: string | undefined;
  let mainModule: GoModule | undefined;
  const dependencies: GoModule[] = [];
  const settings = new Map<string, string>();
  for (const line of modules.split('\n')) {
    const [kind, first = '', second = ''] = line.split('\t');
    if (kind === 'path') mainPackage = first;
    if (kind === 'mod') mainModule = { path: first, version: second };
    if (kind === 'dep') dependencies.push({ path: first, version: second });
    if (kind === '=>') {
      const replacedBy = { path: first, version: second };
      const last = dependencies.pop();
      if (last !== undefined) dependencies.push({ ...last, replacedBy });
      else if (mainModule !== undefined) mainModule = { ...mainModule, replacedBy };
    }
    const equals = first.indexOf('=');
    if (kind === 'build' && equals > 0) settings.set(first.slice(0, equals), unquoted(first.slice(equals + 1)));
  }
  return { goVersion, mainPackage, mainModule, dependencies, settings };
};

/** Values with spaces or quotes are Go string literals. */
const unquoted = (value: string): string =>
  value.startsWith('"') && value.endsWith('"') && value.length > 1
    ? value.slice(1, -1).replace(/\\(["\\])/g, '$1')
    : value;
