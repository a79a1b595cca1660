/**
 * Functions as people name them in function breakpoints. Delve 1.27.2 (pkg/locspec, FuncLocationSpec) takes the end of a
 * package path, a receiver with or without its star, or the bare name; more than one match, the compiler's own wrappers included,
 * is the debugger's to refuse.
 */
import { functionNameParts, type GoBinary, type GoFunction } from '@probelens/gosym';

interface Wanted {
  readonly package: string | undefined;
  readonly receiver: string | undefined;
  /** Either of the two. */
  readonly either: string | undefined;
  readonly base: string;
}

const undecorated = (receiver: string): string => /^\(\*(.+)\)$/.exec(receiver)?.[1] ?? receiver;

/** Undefined: no name that could be meant, as Delve reads it. */
const readName = (name: string): Wanted | undefined => {
  const slash = name.lastIndexOf('/');
  const parts = name.slice(Math.max(0, slash)).split('.');
  const [first = '', second = '', third = ''] = parts;
  const path = `${name.slice(0, Math.max(0, slash))}${first}`;
  const nothing = { package: undefined, receiver: undefined, either: undefined };
  if (parts.length === 1) return slash < 0 ? { ...nothing, base: first } : undefined;
  if (parts.length === 3) return { ...nothing, package: path, receiver: undecorated(second), base: third };
  if (parts.length !== 2) return undefined;
  const receiver = undecorated(path);
  if (receiver !== path) return { ...nothing, receiver, base: second };
  return path.includes('/') ? { ...nothing, package: path, base: second } : { ...nothing, either: path, base: second };
};

/** `called`: paths of packages by the name in their clause, "main" in a test binary. */
const isPackage = (wanted: string, path: string, called: readonly string[]): boolean =>
  path === wanted || path.endsWith(`/${wanted}`) || called.includes(path);

const matches = (wanted: Wanted, name: string, called: readonly string[] = []): boolean => {
  // Most names end differently, and taking one apart is work.
  if (!name.includes(wanted.base)) return false;
  const { package: path, receiver, base, piece } = functionNameParts(name);
  if (base !== wanted.base || piece !== undefined) return false;
  if (wanted.receiver !== undefined && wanted.receiver !== receiver) return false;
  if (wanted.package !== undefined && !isPackage(wanted.package.replace(/^\//, ''), path, called)) return false;
  return wanted.either === undefined || isPackage(wanted.either, path, called) || wanted.either === receiver;
};

/**
 * Where Delve may have a breakpoint of this name. It also knows packages by the name in their clause ("yaml" of
 * "gopkg.in/yaml.v3"), which programs without DWARF do not: where nothing fits, every function of that last name may be meant.
 */
export const functionsPerhaps = (binary: GoBinary, name: string): readonly GoFunction[] => {
  const meant = functionsMeant(binary, name);
  const wanted = meant.length > 0 ? undefined : readName(name);
  if (wanted === undefined) return meant;
  const loose = { ...wanted, package: undefined, either: undefined };
  return [...binary.functions()].filter((fn) => matches(loose, fn.name));
};

/** Whole names of the functions that are called so in any package. `names`: patterns of identifiers, neither methods nor generic. */
export const functionsNamedAnywhere = (binary: GoBinary, names: readonly string[]): readonly string[] => {
  const found = binary.functionsMatching(new RegExp(`\\.(?:${names.join('|')})$`));
  return [...new Set(found.map(({ name }) => name))];
};

/** Functions that the name may mean; those of exactly this name alone where there are any. */
export const functionsMeant = (binary: GoBinary, name: string): readonly GoFunction[] => {
  const exact = binary.functionsNamed(name);
  if (exact.length > 0) return exact;
  const wanted = readName(name);
  if (wanted === undefined || name.startsWith('/')) return [];
  const called = binary.packagesCalled(wanted.package ?? wanted.either ?? '');
  return [...binary.functions()].filter((fn) => matches(wanted, fn.name, called));
};
