/** From a name that a person wrote to the functions that it means, or the reason why it means none. */
import type { GoBinary, GoFunction, InlinedCopy } from '@probelens/gosym';
import { Refused } from './refused.js';

/** "github.com/me/app" of "github.com/me/app.(*T).Run". */
export const packageOf = (functionName: string): string => {
  const bare = functionName.split('[', 1)[0] ?? functionName;
  const dot = bare.indexOf('.', bare.lastIndexOf('/') + 1);
  return dot < 0 ? bare : bare.slice(0, dot);
};

/** As symbols have an import path: dots behind the last slash are escaped (objabi.PathToPrefix). */
export const symbolPath = (path: string): string => {
  const slash = path.lastIndexOf('/') + 1;
  return path.slice(0, slash) + path.slice(slash).replaceAll('.', '%2e');
};

/** How many candidates a message names. */
const candidates = 5;

const escaped = (name: string): string => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Type arguments may follow every part of a name: `main.(*Box[go.shape.int]).Get`, `main.Map[go.shape.int]`. */
const instantiationsOf = (name: string): RegExp | undefined => {
  if (name.includes('[')) return undefined;
  const pattern = escaped(name).replace(/([\w·])(?=\\\)|\\\.|$)/gu, '$1(?:\\[.*\\])?');
  return new RegExp(`^(?=.*\\[)${pattern}$`, 'u');
};

export const instantiations = (binary: GoBinary, name: string): readonly GoFunction[] => {
  const pattern = instantiationsOf(name);
  return pattern === undefined ? [] : binary.functionsMatching(pattern);
};

/** Every inlined copy of a function, or of what a generic one was made to. */
export const inlinedCopies = (binary: GoBinary, name: string): readonly InlinedCopy[] => {
  const own = binary.inlinedCopiesOf(name);
  const pattern = own.length > 0 ? undefined : instantiationsOf(name);
  if (pattern === undefined) return own;
  return [...binary.inlinedCopies((callee) => pattern.test(callee)).values()].flat();
};

/** Without type arguments. */
const bare = (name: string): string => name.replace(/\[.*\]/, '');

/** A source's type arguments, as in Map[int]: the program has code for each shape, which several types may share. */
const sharedShapes = (binary: GoBinary, name: string): Refused | undefined => {
  if (!name.includes('[') || name.includes('go.shape.')) return undefined;
  const all = bare(name);
  const found = [
    ...new Set([
      ...instantiations(binary, all).map((fn) => fn.name),
      ...inlinedCopies(binary, all).map(({ callee }) => callee),
    ]),
  ];
  if (found.length === 0) return undefined;
  // Some tables abbreviate the arguments, and then nothing tells one from another.
  const told = found.filter((each) => !each.includes('[...]'));
  const more = told.length > candidates ? ` and ${told.length - candidates} more` : '';
  const others = told.length === 0 ? '' : `, or one of ${list(told.slice(0, candidates))}${more}`;
  return new Refused(
    'unknown-function',
    `${name} has no code of its own: types of one shape share it; write ${all} for all of them${others}.`,
  );
};

const list = (names: readonly string[]): string => names.join(', ');

const inlinedPlaces = (binary: GoBinary, name: string): string => {
  const copies = inlinedCopies(binary, name);
  const places = copies
    .slice(0, 3)
    .map(({ caller, file, line }) => (file === '' ? caller : `${caller} (${file.split('/').at(-1)}:${line})`));
  const more = copies.length - places.length;
  return `${list(places)}${more > 0 ? ` and ${more} more` : ''}`;
};

const unknown = (binary: GoBinary, name: string): Refused => {
  const shared = sharedShapes(binary, name);
  if (shared !== undefined) return shared;
  const [copy] = inlinedCopies(binary, name);
  if (copy !== undefined) {
    // A call without a place has no line to probe instead (gosym, InlinedCopy).
    const line = copy.file === '' ? '' : ` or the line ${copy.file.split('/').at(-1)}:${copy.line}`;
    return new Refused(
      'inlined-everywhere',
      `${name} was inlined into ${inlinedPlaces(binary, name)} and has no code of its own; probe "${name} inlined"${line}, or build with -gcflags=-l.`,
    );
  }
  const similar = binary.similarNames(bare(name), candidates);
  if (name.includes('*') && !name.includes('(*'))
    return new Refused(
      'unknown-function',
      `There is no function ${name} in this program, and of patterns PACKAGE.* and PACKAGE/... are known; list names with: probelens functions BINARY --match REGEX.`,
    );
  const advice =
    similar.length > 0 ? `did you mean ${list(similar)}?` : 'list its functions with: probelens functions BINARY.';
  return new Refused('unknown-function', `There is no function ${name} in this program; ${advice}`);
};

/** Assembly has no variables, keeps nothing in r14, and its prologue is its author's. */
export const isAssembly = (fn: GoFunction): boolean => fn.file.endsWith('.s');

const isThere = (binary: GoBinary, name: string): boolean =>
  binary.functionsNamed(name).length > 0 ||
  instantiations(binary, name).length > 0 ||
  inlinedCopies(binary, name).length > 0;

/**
 * A function's whole name. Its package may be written as the source calls it, as in Delve: "main.step" in a test binary,
 * whose linker knows it as "example.com/app.step", or "orders.Price" for "example.com/shop/orders.Price". Throws Refused
 * "ambiguous-function" where two packages of that name have such a function.
 */
export const wholeName = (binary: GoBinary, asWritten: string): string => {
  // As tracebacks and profiles have it.
  const name = asWritten.replaceAll('[...]', '');
  if (binary.functionsNamed(name).length > 0) return name;
  const path = packageOf(name);
  const others = path === name || path.includes('/') ? [] : binary.packagesCalled(path).map(symbolPath);
  if (others.length === 0 || isThere(binary, name)) return name;
  const found = others.map((each) => each + name.slice(path.length)).filter((each) => isThere(binary, each));
  const [first = name, second] = found;
  if (second === undefined) return first;
  throw new Refused('ambiguous-function', `${name} may be ${list(found.slice(0, candidates))}; write one of them.`);
};

/**
 * The functions that `name` means: one, or every instantiation of a generic one. Throws Refused: "unknown-function" with
 * candidates, "inlined-everywhere" with places, "ambiguous-function", "generated-function", "assembly-function".
 */
export const functionsCalled = (binary: GoBinary, name: string): readonly GoFunction[] => {
  const all = binary.functionsNamed(name);
  const written = all.filter((fn) => !fn.generated);
  const found = written.length > 0 ? written : instantiations(binary, name).filter((fn) => !fn.generated);
  const [first, second] = found;
  if (first === undefined) {
    if (all.length > 0) {
      throw new Refused('generated-function', `${name} was made by the compiler; probe the function that it wraps.`);
    }
    throw unknown(binary, name);
  }
  if (written.length > 1 && second !== undefined) {
    throw new Refused(
      'ambiguous-function',
      `${written.length} functions are called ${name} (lines ${list(written.map((fn) => `${fn.file.split('/').at(-1)}:${fn.line}`))}); probe one by FILE:LINE.`,
    );
  }
  if (isAssembly(first)) {
    throw new Refused(
      'assembly-function',
      `${name} is written in assembly, where arguments have no places; probe its caller.`,
    );
  }
  return found;
};

/**
 * "pkg" or "pkg/..." against the import path of a function. The compiler calls every command's own package `main`; by
 * its import path, which the build info has, it is meant as well.
 */
export const inPackage = (pattern: string, mainPackage: string | undefined): ((name: string) => boolean) => {
  const isBelow = pattern.endsWith('/...');
  const root = isBelow ? pattern.slice(0, -'/...'.length) : pattern;
  const belongs = (path: string): boolean => path === root || (isBelow && path.startsWith(`${root}/`));
  const hasMain = mainPackage !== undefined && belongs(mainPackage);
  return (name) => {
    const path = packageOf(name);
    // C's functions have no package, not even the one called main.
    return path !== name && (belongs(path) || (hasMain && path === 'main'));
  };
};
