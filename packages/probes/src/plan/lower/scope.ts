/** What a condition can see at one probed instruction. */
import type { GoVariable, NamedType } from '@probelens/gosym';
import type { Frame } from './storage.js';

/**
 * "delve": the answer must be Delve's, because Delve judges the same text in the same session; where Delve's evaluator
 * leaves Go's rules the lowered expression faults (Delve then judges) or is refused. "go": nobody else judges.
 */
export type Semantics = 'go' | 'delve';

export interface Scope {
  readonly semantics: Semantics;
  readonly frame: Frame;
  /** Variables at the instruction, innermost scope first. */
  readonly variables: readonly GoVariable[];
  /** Those of `variables` whose recorded register may hold something else by now. */
  readonly doubted?: ReadonlySet<GoVariable>;
  /** Import path of the probed function's package. */
  readonly packageName: string;
  /** By full name: "main.limit", "net/http.DefaultClient". */
  readonly packageVariable: (name: string) => GoVariable | undefined;
  /** By full name: "main.Side", "*net/http.Request", "int". */
  readonly namedType: (name: string) => NamedType | undefined;
  /** Import paths of the packages that the source calls `name`. */
  readonly packagesCalled: (name: string) => readonly string[];
  readonly knowsGoroutine: boolean;
  /** Strings are the texts of an event, which have no addresses. */
  readonly textsOfEvent?: boolean;
  /** Names of types are kept as a length and a text (Go >= 1.17). */
  readonly typeNames?: boolean;
  /** Descriptors of structs have twice the offset of each field (Go < 1.19). */
  readonly doubledOffsets?: boolean;
  /** A line of the function, "file.go:12", where a variable is in memory; undefined where it never is. */
  readonly lineInMemory?: (name: string) => string | undefined;
  /** Said of a name that is no variable: what could be meant, or why there are none. */
  readonly missing: (name: string) => string;
}
