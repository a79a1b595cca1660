/** What the DWARF reader answers. Shapes only; `open.ts` builds it. */
import type { Degraded, GoFunction, GoType, GoVariable } from '../api.js';
import type { VirtualAddress } from '../units.js';

/** The canonical frame address at one instruction: `register + offset`, bytes. */
export interface CfaRule {
  readonly register: string;
  readonly offset: number;
}

/** One inlined call around an address. */
export interface InlinedSubroutine {
  /** The inlined function as the linker spells it. */
  readonly function: string;
  /** Position of the call: DW_AT_call_file, an index in the unit's line-table file list, and the line. */
  readonly callFile: number;
  readonly callLine: number;
}

export interface Dwarf {
  /**
   * Variables in scope with their places at `address`, innermost scope first: those of the innermost function there,
   * which may be an inlined one. With `line`, the source line of the address, locals declared on it or later are left
   * out (their homes hold nothing yet); without it they are in the list.
   */
  variablesAt(address: VirtualAddress, line?: number): Degraded<readonly GoVariable[]>;
  /** Parameters (and results, place `absent`) where the calling convention puts them before any spill. */
  parametersAtEntry(fn: Pick<GoFunction, 'entry' | 'size' | 'name'>): Degraded<readonly GoVariable[]>;
  /** Results where the calling convention puts them: right at every return instruction of the function. */
  resultsAtReturn(fn: Pick<GoFunction, 'entry' | 'size' | 'name'>): Degraded<readonly GoVariable[]>;
  packageVariable(name: string): GoVariable | undefined;
  /**
   * A type by its full name ("main.Side", "*net/http.Request"), and how far behind moduledata.types its descriptor is,
   * bytes; without one the linker dropped it: no value of the type is in an interface.
   */
  typeNamed(name: string): { readonly type: GoType; readonly descriptor: number | undefined } | undefined;
  /** Import paths of the packages that call themselves `name`, ascending. */
  packagesCalled(name: string): readonly string[];
  /** offsetof(runtime.g, goid), bytes. */
  goidOffset(): number | undefined;
  /** Inlined calls whose ranges cover `address`, innermost first. */
  inlinedSubroutinesAt(address: VirtualAddress): readonly InlinedSubroutine[];
  /** Addresses in [low, high) where a debugger sees a statement begin (is_stmt), ascending; undefined without a line table. */
  statementsIn(low: VirtualAddress, high: number): readonly number[] | undefined;
  /** Addresses in [low, high) marked as the first behind a prologue (prologue_end); undefined without a line table. */
  prologueEndsIn(low: VirtualAddress, high: number): readonly number[] | undefined;
  /** Where the frame is at `address`; undefined where .debug_frame does not cover it. */
  cfaAt(address: VirtualAddress): CfaRule | undefined;
}
