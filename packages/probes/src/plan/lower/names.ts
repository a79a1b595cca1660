/** Names of variables, constants and types, as they are written in the probed function's file. */
import type { GoVariable, NamedType } from '@probelens/gosym';
import { symbolPath } from '../functions.js';
import { Refused } from '../refused.js';
import { wrap } from './build.js';
import { otherNils } from './not-go.js';
import type { Scope } from './scope.js';
import { storageOf } from './storage.js';
import type { Syntax } from './syntax.js';
import { better, integerType, type Value } from './value.js';

const predeclared: ReadonlyMap<string, Value> = new Map([
  ['true', { kind: 'constant', constant: { kind: 'bool', value: true } }],
  ['false', { kind: 'constant', constant: { kind: 'bool', value: false } }],
  ['nil', { kind: 'constant', constant: { kind: 'nil' } }],
]);

const local = (scope: Scope, name: string): Value | undefined => {
  const found = scope.variables.find((each) => each.name === name);
  if (found !== undefined && scope.doubted?.has(found) === true) {
    throw new Refused(
      'stale-variable',
      `The compiler's record of ${name} may be stale here (a call has passed since it was made); probe an earlier line, or build with -gcflags="all=-N -l".`,
    );
  }
  if (found?.place.kind === 'register' && !scope.frame.hasRegister(found.place.register)) {
    const line = scope.lineInMemory?.(name);
    const advice =
      line === undefined
        ? 'its value never is in memory in this build; build with -gcflags="all=-N -l"'
        : `at ${line} it is in memory; probe that line or one behind it`;
    throw new Refused(
      'unavailable-variable',
      `${name} cannot be read here: it is in ${found.place.register}, which the kernel does not show to a probe; ${advice}.`,
    );
  }
  return found && { kind: 'stored', type: found.type, storage: storageOf(name, found.place, scope.frame) };
};

/**
 * The compiler writes untyped constants as `int` (dumpGlobalConst, cmd/compile/internal/gc/obj.go 1.26), which is what
 * Delve takes them for. In Go one that is written `int` can stand nowhere where the untyped one could not.
 */
const constantOf = (scope: Scope, { type, place }: GoVariable): Value | undefined => {
  const integer = integerType(type);
  if (place.kind !== 'constant' || integer === undefined || type.name !== 'int' || scope.semantics === 'delve')
    return undefined;
  return { kind: 'constant', constant: { kind: 'integer', value: wrap(place.value, integer), named: true } };
};

const packageLevel = (scope: Scope, name: string): Value | undefined => {
  const found = scope.packageVariable(name);
  if (found === undefined) return undefined;
  const stored = { kind: 'stored', type: found.type, storage: storageOf(name, found.place, scope.frame) } as const;
  return constantOf(scope, found) ?? stored;
};

/** Import paths that a package's name may stand for: itself, or those of the program that are called so. */
const pathsOf = (scope: Scope, name: string): readonly string[] => [
  ...new Set([name, ...scope.packagesCalled(name).map(symbolPath)]),
];

/** One of several packages of one name; Delve takes the first that it finds, in an order of its own. */
const onlyOne = <T>(found: readonly { readonly path: string; readonly what: T }[], written: string): T | undefined => {
  const [first, second] = found;
  if (first === undefined || second === undefined) return first?.what;
  const paths = found.map(({ path }) => `"${path}"`).join(' and ');
  return better(written, `it is in the packages ${paths}`, `write the path in quotes, as in "${first.path}".NAME`);
};

const inPackage = (scope: Scope, name: string, member: string): Value | undefined => {
  const found = pathsOf(scope, name).flatMap((path) => {
    const what = packageLevel(scope, `${path}.${member}`);
    return what === undefined ? [] : [{ path, what }];
  });
  return onlyOne(found, `${name}.${member}`);
};

/** A bare name: a local, then a package variable, then what Go declares for everyone; in Delve's order (pushIdent). */
export const lowerName = (scope: Scope, name: string): Value => {
  const found = local(scope, name) ?? packageLevel(scope, `${scope.packageName}.${name}`) ?? predeclared.get(name);
  if (found !== undefined) return found;
  if (otherNils.has(name)) throw new Refused('unknown-variable', `${name} is called nil in Go; write nil.`);
  throw new Refused('unknown-variable', scope.missing(name));
};

/** Whether a name stands for a variable, so that what it qualifies is a field. */
const isVariable = (scope: Scope, name: string): boolean =>
  scope.variables.some((each) => each.name === name) ||
  scope.packageVariable(`${scope.packageName}.${name}`) !== undefined;

/** "pkg.Name" and "import/path".Name, unless a variable has the name of the package. */
export const lowerQualified = (scope: Scope, syntax: Extract<Syntax, { kind: 'select' }>): Value | undefined => {
  const { operand, field } = syntax;
  if (operand.kind === 'string') {
    const found = packageLevel(scope, `${operand.value}.${field}`);
    if (found === undefined) throw new Refused('unknown-variable', scope.missing(`${operand.value}.${field}`));
    return found;
  }
  if (operand.kind !== 'name') return undefined;
  if (operand.name === 'runtime' && field === 'curg') {
    throw new Refused('unsupported-syntax', 'Of runtime.curg only runtime.curg.goid can be used in the kernel.');
  }
  if (isVariable(scope, operand.name)) return undefined;
  const found = inPackage(scope, operand.name, field);
  if (found !== undefined) return found;
  const isPackage = operand.name === scope.packageName || scope.packagesCalled(operand.name).length > 0;
  throw new Refused('unknown-variable', scope.missing(isPackage ? `${operand.name}.${field}` : operand.name));
};

/** Delve finds types by their names in DWARF, where these two do not appear. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['byte', 'uint8'],
  ['rune', 'int32'],
]);

/** Of Go itself: no package has them. */
const basic = /^(?:u?int(?:8|16|32|64)?|uintptr|float(?:32|64)|complex(?:64|128)|string|bool)$/;

/** So many types that are declared in functions of one package are looked at. */
const mostLocalTypes = 512;

/** A type that is declared in a function: the compiler numbers them, "main.entry·3", as they come in the package. */
const inFunction = (scope: Scope, name: string): NamedType | undefined => {
  const found = Array.from({ length: mostLocalTypes }, (_, index) => scope.namedType(`${name}·${index + 1}`)).flatMap(
    (each) => each ?? [],
  );
  const [first, second] = found;
  if (first === undefined || second === undefined) return first;
  return better(
    name,
    'several functions declare a type of this name, and which is which is not kept',
    'rename one of them',
  );
};

const localType = (scope: Scope, name: string): NamedType | undefined => {
  const found = scope.namedType(`${scope.packageName}.${name}`);
  if (found === undefined && scope.semantics === 'go') return inFunction(scope, `${scope.packageName}.${name}`);
  if (found === undefined || scope.semantics === 'go') return found;
  return better(name, 'the debugger knows types by their packages only', `write ${scope.packageName}.${name}`);
};

/** Interfaces that Go declares for everyone, as DWARF calls them. */
const universe: ReadonlyMap<string, string> = new Map([
  ['error', 'error'],
  ['any', 'interface {}'],
]);

const bareType = (scope: Scope, name: string): NamedType | undefined => {
  const own = universe.has(name) ? scope.namedType(`${scope.packageName}.${name}`) : undefined;
  if (own === undefined && universe.has(name)) return scope.namedType(universe.get(name) ?? name);
  const alias = aliases.get(name);
  if (alias !== undefined && scope.semantics === 'delve') {
    throw new Refused('unsupported-syntax', `${name}: the debugger does not know ${name}; write ${alias}.`);
  }
  const known = alias ?? name;
  return basic.test(known) ? (scope.namedType(known) ?? basicType(known)) : localType(scope, name);
};

/** Where the program has no debug information of it. */
const basicType = (name: string): NamedType | undefined => {
  const [, unsigned, bits] = /^(u?)int(8|16|32|64|ptr)?$/.exec(name) ?? [];
  if (unsigned === undefined) return undefined;
  const size = bits === undefined || bits === 'ptr' ? 8 : Number(bits) / 8;
  return { type: { kind: unsigned === 'u' ? 'uint' : 'int', name, size }, descriptor: undefined };
};

/** The name before the arguments of a generic type, which is no type by itself. */
const genericNames = (scope: Scope, base: Syntax): readonly string[] => {
  if (base.kind === 'name') return [`${scope.packageName}.${base.name}`];
  if (base.kind !== 'select' || base.operand.kind !== 'name') return [];
  return pathsOf(scope, base.operand.name).map((path) => `${path}.${base.field}`);
};

/** By the name that DWARF has, in which every type has its package. */
const compositeType = (
  scope: Scope,
  { parts, text }: Extract<Syntax, { kind: 'composite-type' }>,
): NamedType | undefined => {
  if (scope.semantics === 'delve')
    return better(text, 'the debugger finds types by one name only', 'ask for a type with a name');
  const [base, ...rest] = parts;
  const isGeneric = rest[0] === '[' && base !== undefined && typeof base !== 'string';
  const names = (isGeneric ? rest : parts).map((part) =>
    typeof part === 'string' ? part : typeNamed(scope, part)?.type.name,
  );
  if (names.includes(undefined)) return undefined;
  const written = names.join('');
  const found = (isGeneric ? genericNames(scope, base) : ['']).flatMap((path) => {
    const what =
      scope.namedType(`${path}${written}`) ?? (isGeneric ? inFunction(scope, `${path}${written}`) : undefined);
    return what === undefined ? [] : [{ path, what }];
  });
  return onlyOne(found, text);
};

/** Types of the standard library that have two names (`type PathError = fs.PathError`), of which DWARF has the second. */
const otherNames: ReadonlyMap<string, string> = new Map(
  ['DirEntry', 'FileInfo', 'FileMode', 'PathError'].map((name) => [`os.${name}`, `io/fs.${name}`]),
);

const otherName = (scope: Scope, written: string): NamedType | undefined => {
  const name = otherNames.get(written);
  const found = name === undefined ? undefined : scope.namedType(name);
  if (name === undefined || found === undefined || scope.semantics === 'go') return found;
  return better(written, 'the debugger knows it by its other name only', `write ${name.slice(name.indexOf('/') + 1)}`);
};

/** The type that an expression names, behind stars; undefined where it names none. Throws Refused. */
export const typeNamed = (scope: Scope, syntax: Syntax): NamedType | undefined => {
  if (syntax.kind === 'unary' && syntax.operator === '*') {
    const target = typeNamed(scope, syntax.operand);
    return target && scope.namedType(`*${target.type.name}`);
  }
  if (syntax.kind === 'composite-type') return compositeType(scope, syntax);
  if (syntax.kind === 'name') return isVariable(scope, syntax.name) ? undefined : bareType(scope, syntax.name);
  if (syntax.kind !== 'select' || syntax.operand.kind !== 'name' || isVariable(scope, syntax.operand.name))
    return undefined;
  const { operand, field } = syntax;
  // Delve looks in one of them (expandPackagesInType, pkg/proc/bininfo.go 1.27).
  if (scope.semantics === 'delve' && scope.packagesCalled(operand.name).length > 1)
    return better(
      syntax.text,
      `several packages are called ${operand.name}, and the debugger takes any`,
      'leave the type out',
    );
  const found = pathsOf(scope, operand.name).flatMap((path) => {
    const what = scope.namedType(`${path}.${field}`);
    return what === undefined ? [] : [{ path, what }];
  });
  return onlyOne(found, syntax.text) ?? otherName(scope, `${operand.name}.${field}`);
};
