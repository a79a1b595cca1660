/**
 * A linker's function name taken apart: package, receiver, type arguments, and which function of the source a closure or a
 * compiler-made piece belongs to. Spellings of Go 1.2 to 1.27: cmd/compile/internal/ir (closure names), cmd/compile/internal/
 * types (method symbols), cmd/internal/obj. A closure of an inlined function is named "outer.inlined.func1", which reads like
 * a method's; only the program's function list can tell the two apart.
 */

export interface FunctionNameParts {
  /** Import path as the linker spells it: "example.com/m/orders"; "" where there is none (C functions). */
  readonly package: string;
  /** "Book" of "main.(*Book).Match"; undefined for plain functions. */
  readonly receiver: string | undefined;
  readonly pointerReceiver: boolean;
  /** "Match", without type arguments, closure numbers and suffixes. */
  readonly base: string;
  /** What stands in brackets, "go.shape.int"; undefined where the function is not generic. */
  readonly typeArguments: string | undefined;
  /** ".func1.2", ".gowrap1", "-fm", "-range1": undefined for a function written with a name. */
  readonly piece: string | undefined;
  /** Name of the function in the source that the code belongs to, with its type arguments. */
  readonly source: string;
}

/**
 * func1 and deeper .1; deferwrap and gowrap (Go >= 1.22), dwrap (1.17-1.21); -fm method values (·fm before 1.12); -range
 * bodies of range-over-func loops (>= 1.23).
 */
const PIECES = /(?:\.func\d+|\.\d+|\.(?:go|defer)wrap\d+|[.·]dwrap[.·]\d+|-range\d+|[-·]fm)+$/;

/** init.0 and init.1 are functions that the source names init. */
const INIT = /\.init\.\d+$/;

export const functionNameParts = (name: string): FunctionNameParts => {
  const piece = INIT.test(name) ? undefined : PIECES.exec(name)?.[0];
  const source = piece === undefined ? name : name.slice(0, -piece.length);
  const end = packageEnd(source);
  const path = end < 0 ? '' : source.slice(0, end);
  const local = source.slice(end + 1);
  return { package: path, ...localParts(local), piece, source };
};

/** The dot behind the package: the first one behind the last slash that stands in no brackets. */
const packageEnd = (name: string): number => {
  const bracket = name.indexOf('[');
  const plain = bracket < 0 ? name : name.slice(0, bracket);
  return plain.indexOf('.', plain.lastIndexOf('/') + 1);
};

type LocalParts = Pick<FunctionNameParts, 'receiver' | 'pointerReceiver' | 'base' | 'typeArguments'>;

/** "(*Book[...]).Match", "Book.Match", "Map[int,string]", "main". */
const localParts = (local: string): LocalParts => {
  const open = local.indexOf('[');
  const close = local.lastIndexOf(']');
  const generic = open >= 0 && close > open;
  const typeArguments = generic ? local.slice(open + 1, close) : undefined;
  const plain = generic ? local.slice(0, open) + local.slice(close + 1) : local;
  const pointer = /^\(\*([^()]+)\)\.(.+)$/.exec(plain);
  if (pointer !== null) {
    return { receiver: pointer[1] ?? '', pointerReceiver: true, base: pointer[2] ?? '', typeArguments };
  }
  const dot = INIT.test(`.${plain}`) ? -1 : plain.indexOf('.');
  // "glob." is what is left of glob..func1, a closure of a package variable (Go <= 1.22).
  if (dot <= 0 || dot === plain.length - 1)
    return { receiver: undefined, pointerReceiver: false, base: plain, typeArguments };
  return { receiver: plain.slice(0, dot), pointerReceiver: false, base: plain.slice(dot + 1), typeArguments };
};
