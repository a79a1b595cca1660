/**
 * The facade: one opened Go program. It owns nothing but the pieces it asks; each question is answered by the file named
 * after it. Invariant: no name, address or offset in an answer is guessed.
 */
import type {
  BuildInfo,
  Degraded,
  GoBinary,
  GoFunction,
  GoVariable,
  InlinedCopy,
  LineAddress,
  NamedType,
  Problem,
  RuntimeLayout,
  SourcePosition,
} from './api.js';
import type { Dwarf } from './dwarf/dwarf.js';
import { argumentRegisters } from './dwarf/registers.js';
import type { ElfImage } from './elf/image.js';
import { ProgramMemory } from './elf/memory.js';
import { readBuildIds } from './elf/notes.js';
import type { ElfSymbols } from './elf/symbols.js';
import { SourceFiles } from './files.js';
import { describeFunction } from './functions.js';
import { type WantedNames, walkCopies } from './inline/copies.js';
import { possibleHosts } from './inline/hosts.js';
import { inlineLayout } from './inline/layout.js';
import { InlineTrees } from './inline/trees.js';
import { chainAt, lineRuns } from './lines.js';
import type { ModuleData } from './module/module-data.js';
import { FunctionNames } from './names.js';
import { indexAt } from './pclntab/function-table.js';
import type { Pclntab } from './pclntab/pclntab.js';
import { runtimeLayout } from './runtime/layout.js';
import { typeName } from './runtime/type-name.js';
import { type FileOffset, type VirtualAddress, virtualAddress } from './units.js';
import { goMinor, releaseBounds } from './version.js';

export interface OpenedProgram {
  readonly path: string;
  readonly image: ElfImage;
  readonly symbols: ElfSymbols;
  readonly buildInfo: BuildInfo | undefined;
  readonly pclntab: Pclntab;
  readonly module: ModuleData | undefined;
  readonly dwarf: Dwarf | undefined;
  readonly problems: readonly Problem[];
}

const NO_DWARF: Problem = {
  code: 'no-dwarf',
  message:
    'this program has no DWARF, so names, types and places of variables are unknown; build it without -ldflags "-s -w" and without strip',
};

export class OpenedGoBinary implements GoBinary {
  readonly path: string;
  readonly machine: GoBinary['machine'];
  readonly goVersion: string | undefined;
  readonly mainPackage: string | undefined;
  readonly buildInfo: BuildInfo | undefined;
  readonly buildIds: GoBinary['buildIds'];
  readonly hasDwarf: boolean;
  readonly positionIndependent: boolean;
  readonly codeEnd: VirtualAddress;
  readonly problems: readonly Problem[];
  readonly functionCount: number;
  /** For the code of this package only: the listing writes bytes straight from the tables. */
  readonly pclntab: Pclntab;
  readonly trees: InlineTrees;
  readonly names: FunctionNames;
  private readonly program: OpenedProgram;
  private readonly files: SourceFiles;
  /** N of Go 1.N. */
  private readonly minor: number | undefined;
  private layout: RuntimeLayout | undefined;

  constructor(program: OpenedProgram) {
    const { image, pclntab, buildInfo } = program;
    this.program = program;
    this.path = program.path;
    this.machine = image.machine;
    this.goVersion = buildInfo?.goVersion;
    this.mainPackage = buildInfo?.mainPackage;
    this.buildInfo = buildInfo;
    this.buildIds = readBuildIds(image);
    this.hasDwarf = program.dwarf !== undefined;
    this.positionIndependent = image.positionIndependent;
    this.codeEnd = virtualAddress(image.codeEnd);
    this.problems = program.problems;
    this.pclntab = pclntab;
    this.functionCount = pclntab.functions.count;
    this.minor = goMinor(this.goVersion);
    const inline = inlineLayout(pclntab.header, this.minor);
    this.trees = new InlineTrees(pclntab, new ProgramMemory(image), inline, program.module?.gofunc);
    this.names = new FunctionNames(pclntab);
    this.files = new SourceFiles(pclntab);
  }

  *functions(): Iterable<GoFunction> {
    for (let index = 0; index < this.functionCount; index++) yield this.functionOf(index);
  }

  functionsNamed(name: string): readonly GoFunction[] {
    return this.names.find(name).map((index) => this.functionOf(index));
  }

  functionsMatching(pattern: RegExp): readonly GoFunction[] {
    const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    const found: GoFunction[] = [];
    for (let index = 0; index < this.functionCount; index++) {
      if (stateless.test(this.pclntab.name(index))) found.push(this.functionOf(index));
    }
    return found;
  }

  similarNames(name: string, limit: number): readonly string[] {
    return this.names.similar(name, limit);
  }

  functionAt(address: VirtualAddress): GoFunction | undefined {
    const index = indexAt(this.pclntab.functions, address);
    const found = index < 0 ? undefined : this.functionOf(index);
    return found !== undefined && address < found.entry + found.size ? found : undefined;
  }

  positionsAt(address: VirtualAddress): readonly SourcePosition[] {
    const fn = this.functionAt(address);
    return fn === undefined ? [] : chainAt(this.lineWalk(), fn, address - fn.entry);
  }

  addressesOf(file: string, line: number): readonly LineAddress[] {
    const found: LineAddress[] = [];
    if (!Number.isInteger(line) || line < 1) return found;
    const offsets = this.files.matching(file);
    const hosts = new Set([...offsets].flatMap((offset) => this.files.functionsOf(offset)));
    for (const index of [...hosts].sort((a, b) => a - b)) {
      const isWanted = (fileNumber: number, at: number): boolean =>
        at === line && offsets.has(this.pclntab.fileOffset(index, fileNumber));
      for (const run of lineRuns(this.lineWalk(), this.functionOf(index), isWanted)) found.push(run);
    }
    return found;
  }

  filesCalled(path: string): readonly string[] {
    return this.files.called(path);
  }

  similarFiles(path: string, limit: number): readonly string[] {
    return this.files.similar(path, limit);
  }

  linesOf(fn: GoFunction): readonly LineAddress[] {
    return lineRuns(this.lineWalk(), fn);
  }

  statementsOf(fn: GoFunction): readonly VirtualAddress[] | undefined {
    return this.program.dwarf?.statementsIn(fn.entry, fn.entry + fn.size)?.map(virtualAddress);
  }

  prologueEndOf(fn: GoFunction): VirtualAddress | undefined {
    const [first] = this.program.dwarf?.prologueEndsIn(fn.entry, fn.entry + fn.size) ?? [];
    return first === undefined ? undefined : virtualAddress(first);
  }

  inlinedCopiesOf(name: string): readonly InlinedCopy[] {
    const found: InlinedCopy[] = [];
    const offsets = this.names.offsets(name);
    if (offsets.size === 0) return found;
    const keep = (copy: InlinedCopy): void => {
      if (copy.callee === name) found.push(copy);
    };
    const { image, module } = this.program;
    const hosts = possibleHosts(image, this.pclntab, this.trees, module?.gofunc, offsets);
    walkCopies(this.copyWalk(), offsets, keep, hosts);
    return found;
  }

  inlinedCopies(wanted?: (callee: string) => boolean): ReadonlyMap<string, readonly InlinedCopy[]> {
    const byCallee = new Map<string, InlinedCopy[]>();
    const walk = this.copyWalk();
    walkCopies(walk, wanted && rememberedByOffset(wanted, walk.nameOf), (copy) => {
      const list = byCallee.get(copy.callee);
      if (list === undefined) byCallee.set(copy.callee, [copy]);
      else list.push(copy);
    });
    return byCallee;
  }

  variablesAt(address: VirtualAddress): Degraded<readonly GoVariable[]> {
    const line = this.positionsAt(address)[0]?.line;
    return this.program.dwarf?.variablesAt(address, line) ?? { value: [], problems: [NO_DWARF] };
  }

  parametersAtEntry(fn: GoFunction): Degraded<readonly GoVariable[]> {
    const { dwarf } = this.program;
    if (dwarf !== undefined) return dwarf.parametersAtEntry(fn);
    const arrival = this.arrival(fn);
    return { value: [], problems: arrival === undefined ? [NO_DWARF] : [NO_DWARF, arrival] };
  }

  /** Where arguments arrive as far as the calling convention alone tells; undefined where it does not. */
  private arrival(fn: GoFunction): Problem | undefined {
    const registers = argumentRegisters(this.machine);
    // Assembly takes its arguments on the stack. Before Go 1.18 nothing in the tables marks it, so nothing is said.
    if (registers === undefined || fn.assembly !== false) return undefined;
    const { integer, float } = registers;
    const message = `arguments arrive word by word in ${integer.join(', ')}, floats in ${float[0]} to ${float.at(-1)}, and one that does not fit whole on the stack: a receiver first, then the parameters in order`;
    return { code: 'argument-registers', message };
  }

  resultsAtReturn(fn: GoFunction): Degraded<readonly GoVariable[]> {
    return this.program.dwarf?.resultsAtReturn(fn) ?? { value: [], problems: [NO_DWARF] };
  }

  packageVariable(name: string): GoVariable | undefined {
    return this.program.dwarf?.packageVariable(name);
  }

  namedType(name: string): NamedType | undefined {
    const found = this.program.dwarf?.typeNamed(name);
    if (found === undefined) return undefined;
    const types = this.program.module?.types;
    const known = types === undefined || found.descriptor === undefined ? undefined : types + found.descriptor;
    return { type: found.type, descriptor: known === undefined ? undefined : virtualAddress(known) };
  }

  packagesCalled(name: string): readonly string[] {
    return this.program.dwarf?.packagesCalled(name) ?? [];
  }

  get runtime(): RuntimeLayout {
    const { image, symbols, dwarf } = this.program;
    this.layout ??= runtimeLayout({
      image,
      symbols,
      releases: releaseBounds(this.goVersion, this.program.module),
      goidFromDwarf: () => dwarf?.goidOffset(),
      codeOf: (name) => this.functionsNamed(name).map((fn) => ({ address: fn.entry, code: this.code(fn) })),
    });
    return this.layout;
  }

  typeNameAt(address: VirtualAddress): string | undefined {
    return typeName(this.program.image, this.program.module, address);
  }

  pointersAt(address: VirtualAddress, count: number): readonly VirtualAddress[] {
    const { image } = this.program;
    const size = image.pointerSize;
    const length = Math.min(count, Math.floor(image.bytesFrom(address) / size));
    if (length < 1) return [];
    const words = image.readRelocated(address, length * size, 'pointers');
    const found: VirtualAddress[] = [];
    for (let index = 0; index < length; index++) {
      const word = words.wordOrUndefined(index * size, size);
      if (word === undefined) break;
      found.push(virtualAddress(word));
    }
    return found;
  }

  code(fn: GoFunction): Uint8Array {
    return this.program.image.readAt(fn.entry, fn.size, `the code of ${fn.name}`).data;
  }

  offsetOf(address: VirtualAddress): FileOffset {
    return this.program.image.codeOffset(address);
  }

  close(): void {
    this.program.image.source.close();
  }

  private functionOf(index: number): GoFunction {
    return describeFunction(this.pclntab, this.trees, index, this.minor);
  }

  private lineWalk() {
    return { pclntab: this.pclntab, trees: this.trees, nameOf: (offset: number) => this.names.at(offset) };
  }

  private copyWalk() {
    const fileSize = this.program.image.source.size;
    return { ...this.lineWalk(), fileSize, functionOf: (index: number) => this.functionOf(index) };
  }
}

/** Offsets of wanted names: each name is read and judged once, however many copies it has. */
const rememberedByOffset = (wanted: (name: string) => boolean, nameOf: (offset: number) => string): WantedNames => {
  const judged = new Map<number, boolean>();
  return {
    has(offset) {
      let answer = judged.get(offset);
      if (answer === undefined) {
        answer = wanted(nameOf(offset));
        judged.set(offset, answer);
      }
      return answer;
    },
  };
};
