import type { Degraded, GoType, GoVariable, Place, Problem } from '../api.js';
import { isFormatError } from '../errors.js';
import type { VirtualAddress } from '../units.js';
import { inherited, numberOf, stringOf, withOrigins } from './attributes.js';
import { CallFrames } from './call-frame.js';
import { Attribute, Tag } from './constants.js';
import type { CfaRule, Dwarf, InlinedSubroutine } from './dwarf.js';
import { DwarfError } from './dwarf-error.js';
import { Entries } from './entry.js';
import { entryParameters, resultsAtReturn } from './entry-parameters.js';
import { Functions, type LocatedFunction, lastAtOrBelow } from './functions.js';
import { type LineMarks, lineMarks } from './line-program.js';
import { findNamed } from './names.js';
import { INCOMPLETE, isPartOfArgument } from './partial-record.js';
import type { RawVariable } from './raw-variable.js';
import { argumentRegisters } from './registers.js';
import { framesAt } from './scopes.js';
import { Sections } from './sections.js';
import type { DwarfSource } from './source.js';
import { Types } from './types.js';
import { inClosureObject, isDeclaredBy, readVariable, shownVariables } from './variables.js';

const damaged = (error: DwarfError): Problem => ({
  code: 'bad-dwarf',
  message: `The debug information is damaged (${error.message}); rebuild the program to see its variables.`,
});

const noFunction = (address: number): Problem => ({
  code: 'no-dwarf-here',
  message: `No debug information describes the code at 0x${address.toString(16)}: it is C or assembly, or was stripped.`,
});

const EMPTY: readonly GoVariable[] = [];

const typeTags = [Tag.baseType, Tag.structureType, Tag.typedef, Tag.pointerType, Tag.arrayType, Tag.subroutineType];

class DwarfReader implements Dwarf {
  readonly #functions: Functions;
  readonly #types: Types;
  readonly #frames: CallFrames;
  readonly #entries: Entries;
  /** By offset in .debug_line. */
  readonly #marks = new Map<number, LineMarks>();

  constructor(source: DwarfSource) {
    const sections = new Sections(source);
    this.#entries = new Entries(sections);
    this.#functions = new Functions(this.#entries);
    this.#types = new Types(this.#entries);
    this.#frames = new CallFrames(sections, this.#entries.limit);
  }

  variablesAt(address: VirtualAddress, line?: number): Degraded<readonly GoVariable[]> {
    return this.#answer({ value: EMPTY, problems: [] }, () => {
      const fn = this.#functions.functionAt(address);
      if (fn === undefined) return { value: EMPTY, problems: [noFunction(address)] };
      const frames = framesAt(this.#functions, fn, address);
      const raw = (frames.at(-1)?.variables ?? []).flatMap((scoped) => {
        const variable = readVariable(this.#types, fn.unit, scoped, address);
        return variable === undefined || (line !== undefined && !isDeclaredBy(variable, line)) ? [] : [variable];
      });
      const checked = frames.length > 1 ? raw : this.#ofPhysicalFunction(fn, address, raw);
      return { value: shownVariables(checked), problems: [] };
    });
  }

  /** What only the calling convention tells of variables: arguments on the stack, captured variables at the entry. */
  #ofPhysicalFunction(fn: LocatedFunction, address: number, raw: readonly RawVariable[]): readonly RawVariable[] {
    const { machine, pointerSize } = this.#entries.sections.source;
    const closure = argumentRegisters(machine)?.closure;
    let homes: ReadonlyMap<string, Place> | undefined;
    const homeOf = (name: string): Place | undefined => {
      homes ??= new Map(entryParameters(this.#types, fn).value.map((parameter) => [parameter.name, parameter.place]));
      return homes.get(name);
    };
    return raw.map((variable) => {
      if (isPartOfArgument(variable, homeOf, pointerSize)) return { ...variable, place: INCOMPLETE };
      return address === fn.low && closure !== undefined ? inClosureObject(variable, closure) : variable;
    });
  }

  parametersAtEntry({ entry }: { readonly entry: VirtualAddress }): Degraded<readonly GoVariable[]> {
    return this.#ofFunction(entry, entryParameters);
  }

  resultsAtReturn({ entry }: { readonly entry: VirtualAddress }): Degraded<readonly GoVariable[]> {
    return this.#ofFunction(entry, resultsAtReturn);
  }

  #ofFunction(
    entry: VirtualAddress,
    read: (types: Types, fn: LocatedFunction) => Degraded<readonly GoVariable[]>,
  ): Degraded<readonly GoVariable[]> {
    return this.#answer({ value: EMPTY, problems: [] }, () => {
      const found = this.#functions.functionAt(entry);
      if (found === undefined || found.low !== entry) return { value: EMPTY, problems: [noFunction(entry)] };
      return read(this.#types, found);
    });
  }

  packageVariable(name: string): GoVariable | undefined {
    return this.#guarded(() => {
      const found = findNamed(this.#functions, name, [Tag.variable, Tag.constant]);
      if (found === undefined) return undefined;
      const { entry, unit } = found;
      const variable = readVariable(this.#types, unit, { entry, depth: 0 }, 0);
      if (variable === undefined || variable.place.kind === 'absent') return undefined;
      return { name, role: 'local', type: variable.type, place: variable.place };
    });
  }

  typeNamed(name: string): { readonly type: GoType; readonly descriptor: number | undefined } | undefined {
    return this.#guarded(() => {
      const found = findNamed(this.#functions, name, typeTags)?.entry;
      return found && { type: this.#types.at(found.offset), descriptor: this.#types.descriptorOf(found) };
    });
  }

  packagesCalled(name: string): readonly string[] {
    const found = this.#guarded(() => {
      const units = this.#entries.units.list.map((header) => this.#functions.unitOf(header));
      return units.filter((unit) => unit.go && unit.package === name).map((unit) => unit.name);
    });
    return [...new Set(found ?? [])].sort();
  }

  goidOffset(): number | undefined {
    return this.#guarded(() => {
      const found = findNamed(this.#functions, 'runtime.g', [Tag.structureType]);
      for (const child of found === undefined ? [] : this.#entries.children(found.entry)) {
        if (child.tag === Tag.member && stringOf(child, Attribute.name) === 'goid')
          return numberOf(child, Attribute.dataMemberLocation);
      }
      return undefined;
    });
  }

  inlinedSubroutinesAt(address: VirtualAddress): readonly InlinedSubroutine[] {
    const found = this.#guarded(() => {
      const fn = this.#functions.functionAt(address);
      if (fn === undefined) return undefined;
      const inlined = framesAt(this.#functions, fn, address).slice(1).reverse();
      return inlined.map(
        ({ entry }): InlinedSubroutine => ({
          function: inherited(withOrigins(this.#entries, entry), stringOf, Attribute.name) ?? '',
          callFile: numberOf(entry, Attribute.callFile) ?? 0,
          callLine: numberOf(entry, Attribute.callLine) ?? 0,
        }),
      );
    });
    return found ?? [];
  }

  statementsIn(low: VirtualAddress, high: number): readonly number[] | undefined {
    return this.#marked('statements', low, high);
  }

  prologueEndsIn(low: VirtualAddress, high: number): readonly number[] | undefined {
    return this.#marked('prologueEnds', low, high);
  }

  #marked(kind: keyof LineMarks, low: VirtualAddress, high: number): readonly number[] | undefined {
    return this.#guarded(() => {
      const table = this.#functions.unitAt(low)?.lineTable;
      if (table === undefined) return undefined;
      const marks = this.#marks.get(table) ?? lineMarks(this.#entries.sections, table);
      this.#marks.set(table, marks);
      const all = marks[kind];
      return Array.from(all.subarray(lastAtOrBelow(all, low - 1) + 1, lastAtOrBelow(all, high - 1) + 1));
    });
  }

  cfaAt(address: VirtualAddress): CfaRule | undefined {
    return this.#guarded(() => this.#frames.cfaAt(address));
  }

  /** Damage met on the way becomes a problem beside the empty answer; anything else is a defect and is thrown. */
  #answer<T>(empty: Degraded<T>, ask: () => Degraded<T>): Degraded<T> {
    this.#entries.limit.restart();
    try {
      return ask();
    } catch (error) {
      if (error instanceof DwarfError) return { ...empty, problems: [damaged(error)] };
      // A section that cannot be read or decompressed.
      if (isFormatError(error)) return { ...empty, problems: [{ code: 'bad-dwarf', message: error.message }] };
      throw error;
    }
  }

  #guarded<T>(ask: () => T | undefined): T | undefined {
    return this.#answer<T | undefined>({ value: undefined, problems: [] }, () => ({ value: ask(), problems: [] }))
      .value;
  }
}

/**
 * Undefined where the binary has no DWARF. Reads nothing yet: damage shows when a question meets it, as a problem beside
 * the answer.
 */
export const openDwarf = (source: DwarfSource): Dwarf | undefined =>
  source.has('.debug_info') && source.has('.debug_abbrev') ? new DwarfReader(source) : undefined;
