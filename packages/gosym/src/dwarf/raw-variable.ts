import type { GoType, GoVariable, Place } from '../api.js';

/** A variable as its entry describes it, before anything is decided about showing it. */
export interface RawVariable {
  readonly name: string;
  readonly role: GoVariable['role'];
  readonly type: GoType;
  readonly place: Place;
  /** First address for which the place was recorded; undefined where it holds in the whole scope. */
  readonly since: number | undefined;
  /** Whether the compiler described its place by a list (per instruction), once for the whole scope, or not at all. */
  readonly recorded: 'by-instruction' | 'everywhere' | 'nowhere';
  /** Captured by the closure (Go >= 1.23): where the closure object holds it, or the pointer to it for "&x". Bytes. */
  readonly closureOffset: number | undefined;
  /** Line of the declaration; undefined for parameters of inlined functions. */
  readonly line: number | undefined;
  readonly depth: number;
}
