/** Random Go conditions over variables that a debugger has seen at some place, with constants near what they were. */
import fc from 'fast-check';

/** What Delve showed of one variable at the first few hits of a place. */
export interface SeenVariable {
  /** As Delve writes it: `o.ID`, `(*p).X`, `values[0]`. */
  readonly expression: string;
  readonly type: string;
  readonly values: readonly string[];
}

const comparison = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
const equality = fc.constantFrom('==', '!=');

const integerOf = (value: string): bigint | undefined => {
  // Constants with a name are shown as "high (7)", bytes as "122 'z'" or "7 = 0x7".
  const text = /^-?\d+/.exec(value)?.[0] ?? /\((-?\d+)\)$/.exec(value)?.[1];
  return text === undefined ? undefined : BigInt(text);
};

const definedOf = <T>(values: readonly (T | undefined)[]): readonly T[] =>
  values.flatMap((value) => (value === undefined ? [] : [value]));

const near = (seen: readonly bigint[]): fc.Arbitrary<string> => {
  const some = seen.length === 0 ? [0n] : seen;
  return fc
    .tuple(fc.constantFrom(...some), fc.constantFrom(0n, 0n, 0n, 1n, -1n, 10n, -100n))
    .map(([value, off]) => String(value + off));
};

const integerAtoms = (name: string, values: readonly string[]): fc.Arbitrary<string> => {
  const constant = near(definedOf(values.map(integerOf)));
  const small = fc.integer({ min: 2, max: 9 });
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(comparison, constant).map(([op, c]) => `${name} ${op} ${c}`) },
    { weight: 1, arbitrary: fc.tuple(comparison, constant).map(([op, c]) => `${c} ${op} ${name}`) },
    { weight: 2, arbitrary: fc.tuple(small, equality, fc.nat(3)).map(([k, op, r]) => `${name} % ${k} ${op} ${r}`) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('+', '-', '*', '/', '&', '|', '^', '&^', '<<', '>>'), small, comparison, constant)
        .map(([op, k, compare, c]) => `${name} ${op} ${k} ${compare} ${c}`),
    },
    { weight: 1, arbitrary: fc.tuple(comparison, constant).map(([op, c]) => `-${name} ${op} ${c}`) },
  );
};

const textAtoms = (name: string, values: readonly string[]): fc.Arbitrary<string> => {
  const literals = values.filter((value) => /^"[^"\\]*"$/.test(value));
  const literal = fc.constantFrom(...literals, '""', '"a"', '"birch"');
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(equality, literal).map(([op, text]) => `${name} ${op} ${text}`) },
    { weight: 1, arbitrary: fc.tuple(comparison, literal).map(([op, text]) => `${name} ${op} ${text}`) },
    { weight: 2, arbitrary: fc.tuple(comparison, fc.nat(9)).map(([op, n]) => `len(${name}) ${op} ${n}`) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(2), equality).map(([i, op]) => `${name}[${i}] ${op} 97`) },
  );
};

const floatAtoms = (name: string, values: readonly string[]): fc.Arbitrary<string> => {
  const constants = values.filter((value) => /^-?\d+(\.\d+)?$/.test(value));
  return fc
    .tuple(fc.constantFrom('', ' * 2', ' - 0.5'), comparison, fc.constantFrom(...constants, '0', '1.5', '-2.25', '1e3'))
    .map(([change, op, c]) => `${name}${change} ${op} ${c}`);
};

const listAtoms = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.tuple(fc.constantFrom('len', 'cap'), comparison, fc.nat(5)).map(([fn, op, n]) => `${fn}(${name}) ${op} ${n}`),
    equality.map((op) => `${name} ${op} nil`),
  );

const truthAtoms = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(name, `!${name}`),
    fc.tuple(equality, fc.boolean()).map(([op, value]) => `${name} ${op} ${value}`),
  );

/** Undefined: nothing sensible can be asked of a variable of this kind. */
const atomsOf = ({ expression: name, type, values }: SeenVariable): fc.Arbitrary<string> | undefined => {
  const [first = ''] = values;
  if (first === 'true' || first === 'false') return truthAtoms(name);
  if (first.startsWith('"')) return textAtoms(name, values);
  if (/float/.test(type)) return floatAtoms(name, values);
  if (/^(\[\]|map\[|chan )/.test(type)) return listAtoms(name);
  if (/^(\*|func|interface|error)/.test(type)) return equality.map((op) => `${name} ${op} nil`);
  if (integerOf(first) !== undefined && !/complex|struct|^\[/.test(type)) return integerAtoms(name, values);
  return undefined;
};

/** Undefined when none of the variables can be asked anything. */
export const conditionOver = (variables: readonly SeenVariable[]): fc.Arbitrary<string> | undefined => {
  const [first, ...others] = definedOf(variables.map(atomsOf));
  if (first === undefined) return undefined;
  const atom = fc.oneof(first, ...others);
  const joined = fc.tuple(atom, fc.constantFrom('&&', '||'), atom).map(([left, op, right]) => `${left} ${op} ${right}`);
  const deeper = fc
    .tuple(fc.constantFrom('', '!'), joined, fc.constantFrom('&&', '||'), atom)
    .map(([not, left, op, right]) => `${not}(${left}) ${op} ${right}`);
  return fc.oneof({ weight: 4, arbitrary: atom }, { weight: 3, arbitrary: joined }, { weight: 1, arbitrary: deeper });
};

/** Most breakpoints have none. */
export const hitConditionArbitrary: fc.Arbitrary<string | undefined> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('', '== ', '!= ', '> ', '>= ', '< ', '<= ', '% '), fc.integer({ min: 1, max: 4 }))
      .map(([op, n]) => `${op}${n}`),
  },
);
