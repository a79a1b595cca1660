/** Opening: finds the tables of a Go program, makes sure they belong together, and puts the facade before them. */
import type { BuildInfo, GoBinary, Problem } from './api.js';
import type { Bytes } from './bytes.js';
import { explainMissingTable } from './diagnosis.js';
import type { Dwarf } from './dwarf/dwarf.js';
import { openDwarf } from './dwarf/open.js';
import { ElfImage } from './elf/image.js';
import { type ByteSource, FileSource } from './elf/source.js';
import { ElfSymbols } from './elf/symbols.js';
import { FormatError, isFormatError } from './errors.js';
import { OpenedGoBinary } from './go-binary.js';
import { buildInfoOf, readBuildInfo } from './module/build-info.js';
import { findBuildVersion } from './module/build-version.js';
import { type FoundModule, locateModuleData, type ModuleSearch } from './module/locate.js';
import { type ModuleData, textAddress } from './module/module-data.js';
import { checkText, readFunctionTable, recordLayout, type TextBase } from './pclntab/function-table.js';
import type { TableHeader } from './pclntab/header.js';
import { type TableCandidate, tableCandidates } from './pclntab/locate.js';
import { Pclntab } from './pclntab/pclntab.js';
import { goMinor, releaseBounds, releaseText } from './version.js';

/**
 * Opens a Go program built by the gc toolchain. Reads headers and the function table; everything else is read when asked
 * for. Throws FormatError for anything that is not such a program, and where no way leads to the text base.
 */
export const openGoBinary = async (path: string): Promise<GoBinary> => {
  const source = new FileSource(path);
  try {
    return openSource(source, path);
  } catch (error) {
    source.close();
    throw named(path, error);
  }
};

/** The same over any bytes; `path` is only what the answer calls itself. */
export const openSource = (source: ByteSource, path: string): OpenedGoBinary => {
  const image = new ElfImage(source);
  const symbols = new ElfSymbols(image);
  const written = readBuildInfo(image, symbols);
  const { pclntab, found, searched } = openTable(image, symbols, written);
  const buildInfo = written ?? (searched === undefined ? undefined : buildInfoOf(searched));
  const problems: Problem[] = [];
  if (pclntab.header.magicUnknown) problems.push(GARBLED);
  if (goMinor(buildInfo?.goVersion) === undefined) problems.push(unknownVersion(found?.module));
  const dwarf = dwarfOf(image, problems);
  return new OpenedGoBinary({ path, image, symbols, buildInfo, pclntab, module: found?.module, dwarf, problems });
};

const GARBLED: Problem = {
  code: 'garbled',
  message:
    'the function table was obfuscated (garble): addresses are right, names and lines are what the obfuscator left; build without it to see the source',
};

const unknownVersion = (module: ModuleData | undefined): Problem => ({
  code: 'unknown-go-version',
  message: `the program does not name its Go version; its tables are those of ${releaseText(releaseBounds(undefined, module))}, and what else depends on the version is left out`,
});

interface OpenedTable {
  readonly pclntab: Pclntab;
  readonly found: FoundModule | undefined;
  /** Release of a program that does not say it, found by search; old table layouts only. */
  readonly searched: string | undefined;
}

/** Candidates are tried in turn; what is wrong with the best one is what a person hears. */
const MOST_CANDIDATES = 16;

const openTable = (image: ElfImage, symbols: ElfSymbols, buildInfo: BuildInfo | undefined): OpenedTable => {
  const search: ModuleSearch = { image, symbols };
  let first: FormatError | undefined;
  let tried = 0;
  for (const candidate of tableCandidates(image)) {
    tried += 1;
    if (tried > MOST_CANDIDATES) break;
    try {
      return openCandidate(search, candidate, buildInfo?.goVersion);
    } catch (error) {
      if (!isFormatError(error)) throw error;
      first ??= error;
    }
  }
  throw first ?? explainMissingTable(image);
};

const openCandidate = (search: ModuleSearch, candidate: TableCandidate, version: string | undefined): OpenedTable => {
  const { image } = search;
  const { header, address } = candidate;
  const found = locateModuleData(search, candidate);
  // Up to Go 1.17 functab holds addresses, so the text base is not needed where the loader does not move them.
  if (found === undefined && (header.format >= 18 || image.positionIndependent)) throw noTextBase(address);
  const table = tableBytes(image, candidate, found);
  const searched = version === undefined && header.format === 2 ? findBuildVersion(image) : undefined;
  const minor = goMinor(version ?? searched);
  const layout = recordLayout(header, minor !== undefined && minor < 12);
  const base = textBase(header, found?.module);
  const functions = readFunctionTable(table, header, layout.size, base);
  checkText(functions, image.codeSegment(functions.entries[0] ?? 0));
  return { pclntab: new Pclntab(table, header, layout, functions, address, base), found, searched };
};

const textBase = (header: TableHeader, module: ModuleData | undefined): TextBase => {
  if (header.format < 18 || module === undefined) return { address: 0 };
  if (module.textSections.length < 2) return { address: module.text };
  return { address: module.text, addressOf: (offset) => textAddress(module, offset) };
};

const tableBytes = (image: ElfImage, candidate: TableCandidate, found: FoundModule | undefined): Bytes => {
  const { address, header, limit } = candidate;
  const size = found === undefined ? limit : Math.min(limit, found.module.tableEnd - address);
  // Up to Go 1.17 the table holds addresses, which the loader moves.
  const what = 'the function table';
  return header.format < 18 ? image.readRelocated(address, size, what) : image.readAt(address, size, what);
};

const noTextBase = (address: number): FormatError =>
  new FormatError(
    'no-text-base',
    `the function table at 0x${address.toString(16)} counts from the start of the program text, and nothing in the file says where that is (no runtime.firstmoduledata was found); build the program again without post-processing`,
    { expected: 'moduledata that agrees with the function table' },
  );

const dwarfOf = (image: ElfImage, problems: Problem[]): Dwarf | undefined => {
  try {
    return openDwarf({
      machine: image.machine,
      pointerSize: image.pointerSize,
      littleEndian: image.header.order === 'little',
      has: (name) => image.hasDebugSection(name),
      section: (name) => image.debugSection(name),
    });
  } catch (error) {
    if (!isFormatError(error)) throw error;
    problems.push({ code: 'bad-dwarf', message: `the DWARF cannot be used: ${error.message}` });
    return undefined;
  }
};

/** Messages that do not name the file yet get its name in front. */
const named = (path: string, error: unknown): unknown => {
  if (!isFormatError(error) || error.message.includes(path)) return error;
  const { code, offset, expected, found } = error;
  return new FormatError(code, `${path}: ${error.message}`, {
    ...(offset === undefined ? {} : { offset }),
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    cause: error,
  });
};
