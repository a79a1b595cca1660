/** Random conditions over the parameters of `main.probe` in program.ts. Every one compiles. */
import fc from 'fast-check';

/** What stands for a value of each type: parameters in registers and on the stack, fields, elements, lengths. */
const atoms: Readonly<Record<string, readonly string[]>> = {
  int: [
    'n',
    'o.Qty',
    'len(s)',
    'len(xs)',
    'cap(xs)',
    'len(o.Symbol)',
    'len(o.Sizes)',
    'len(o.M)',
    'len(o.C)',
    'cap(o.C)',
    'o.Next.Qty',
    'int(o.Small)',
    'o.Deep.Level',
    'len(o.Lines)',
    'o.Any.(int)',
  ],
  int64: ['o.ID', 'o.Next.ID', 'int64(n)', 'int64(b)', 'limits.Most', '(*o).ID', 'int64(o.Wait)'],
  int32: [
    'mult',
    'o.Sizes[2]',
    'o.Sizes[0]',
    'int32(o.ID)',
    'limits.Table[1]',
    'o.At.Y',
    'o.Path[n%3].X',
    'o.Lines[0].X',
    'o.List[1]',
  ],
  int16: ['xs[0]', 'xs[1]', 'xs[n%3]', 'xs[b%3]', 'xs[n-2]', 'int16(mult)'],
  int8: ['o.Small', 'o.Inner.Small', 'int8(w)', 'int8(o.Side)'],
  uint8: ['b', 's[0]', 'o.Symbol[1]', 'uint8(o.Wide)', 'uint8(mult)'],
  uint32: ['uint32(o.ID)', 'uint32(b)'],
  uint64: ['w', 'o.Wide', 'o.Inner.Wide', 'uint64(o.ID)', 'o.Next.Wide'],
  bool: ['ok', 'o.Flag', 'o.Inner.Flag', 'o.Next.Flag'],
  string: [
    's',
    'o.Symbol',
    'o.Name',
    'o.Next.Symbol',
    'o.Tags[0]',
    's[1:]',
    's[:2]',
    'o.Symbol[1:3]',
    's[n%3:]',
    'o.Symbol[:len(s)]',
    'o.Key.Symbol',
  ],
};

interface IntegerType {
  readonly name: string;
  readonly least: bigint;
  readonly most: bigint;
}

const integer = (name: string, bits: bigint, signed: boolean): IntegerType => ({
  name,
  least: signed ? -(1n << (bits - 1n)) : 0n,
  most: signed ? (1n << (bits - 1n)) - 1n : (1n << bits) - 1n,
});

const integers: readonly IntegerType[] = [
  integer('int', 64n, true),
  integer('int64', 64n, true),
  integer('int32', 32n, true),
  integer('int16', 16n, true),
  integer('int8', 8n, true),
  integer('uint8', 8n, false),
  integer('uint32', 32n, false),
  integer('uint64', 64n, false),
];

const atom = (type: string): fc.Arbitrary<string> => fc.constantFrom(...(atoms[type] ?? []));

/** In range, often small, often at an edge; parenthesised where it begins with a sign. */
const literal = (type: IntegerType): fc.Arbitrary<string> =>
  fc
    .oneof(
      { weight: 3, arbitrary: fc.bigInt({ min: type.least < 0n ? -9n : 0n, max: 100n }) },
      { weight: 1, arbitrary: fc.constantFrom(type.least, type.most, type.most - 1n) },
      { weight: 1, arbitrary: fc.bigInt({ min: type.least, max: type.most }) },
    )
    .map((value) => (value < 0n ? `(${value})` : value % 7n === 3n ? `0x${value.toString(16)}` : value.toString()));

const computed = (type: IntegerType, depth: number): fc.Arbitrary<string> => {
  if (depth === 0) return atom(type.name);
  const smaller = computed(type, depth - 1);
  const operand = fc.oneof(smaller, literal(type));
  const other = fc.constantFrom(...integers).chain((each) => computed(each, depth - 1));
  const shift = fc.oneof(
    fc.integer({ min: 0, max: 70 }).map(String),
    fc.constantFrom('b', 'mult', 'o.Small', 'uint8(n)', 'w'),
  );
  const divisor = fc.oneof(
    literal(type).filter((text) => BigInt(text.replace(/[()]/g, '')) !== 0n),
    // The length of an array is a constant in Go, whose compiler refuses to divide by a zero that it can see.
    smaller.filter((text) => !text.includes('len(o.Sizes)')),
  );
  return fc.oneof(
    { weight: 3, arbitrary: atom(type.name) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(smaller, fc.constantFrom('+', '-', '*', '&', '|', '^', '&^'), operand)
        .map((all) => `(${all.join(' ')})`),
    },
    { weight: 2, arbitrary: fc.tuple(smaller, fc.constantFrom('/', '%'), divisor).map((all) => `(${all.join(' ')})`) },
    { weight: 1, arbitrary: fc.tuple(smaller, fc.constantFrom('<<', '>>'), shift).map((all) => `(${all.join(' ')})`) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom('-', '^', '+'), smaller).map(([sign, text]) => `(${sign}${text})`),
    },
    { weight: 1, arbitrary: other.map((text) => `${type.name}(${text})`) },
  );
};

const relation = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
const equality = fc.constantFrom('==', '!=');

const integerComparison = fc
  .constantFrom(...integers)
  .chain((type) =>
    fc
      .tuple(computed(type, 2), relation, fc.oneof(computed(type, 1), literal(type)), fc.boolean())
      .map(([left, operator, right, swapped]) =>
        swapped ? `${right} ${operator} ${left}` : `${left} ${operator} ${right}`,
      ),
  );

const stringComparison = fc
  .tuple(
    atom('string'),
    equality,
    fc.constantFrom(
      '""',
      '"ACME"',
      '"AC"',
      '`CM`',
      '"é"',
      '"a\\x00b"',
      '"the very long name that needs more than a single piece of the scratch area"',
    ),
  )
  .map(([left, operator, right]) => `${left} ${operator} ${right}`);

const stringOrder = fc
  .tuple(
    atom('string'),
    relation,
    fc.oneof(
      atom('string'),
      fc.constantFrom(
        '""',
        '"AC"',
        '"ACMEA"',
        '"a\\x00"',
        '"the very long name that needs more than a single piece of the scratch areb"',
      ),
    ),
    fc.boolean(),
  )
  .map(([left, operator, right, swapped]) =>
    swapped ? `${right} ${operator} ${left}` : `${left} ${operator} ${right}`,
  );

const affix = fc
  .tuple(fc.constantFrom('Prefix', 'Suffix'), atom('string'), fc.constantFrom('""', '"A"', '"ME"', '"ACME"', '"é"'))
  .map(([which, text, literal]) => `strings.Has${which}(${text}, ${literal})`);

const nilComparison = fc
  .tuple(
    fc.constantFrom('o.Next', 'e', 'xs', 'o.Tags', 'o.Any', 'o.M', 'o.C', 'o.F', 'o.Deep', 'o.Next.Next'),
    equality,
  )
  .map(([left, operator]) => `${left} ${operator} nil`);

const errorComparison = fc
  .tuple(fc.constantFrom('e', 'o.Err', 'o.Next.Err'), equality, fc.constantFrom('io.EOF', 'errOne', 'o.Err', 'e'))
  .map((all) => all.join(' '));

const pointerComparison = fc
  .tuple(equality, fc.constantFrom('o.Next', 'o.Next.Next'))
  .map(([operator, right]) => `o ${operator} ${right}`);

const partsComparison = fc
  .tuple(
    fc.constantFrom(
      ['o.At', 'o.Path[0]'],
      ['pointOrigin', 'o.At'],
      ['o.Key', 'o.Next.Key'],
      ['o.Path', 'o.Next.Path'],
      ['o.Inner', 'o.Next.Inner'],
      ['o.Sizes', 'o.Next.Sizes'],
    ),
    equality,
  )
  .map(([[left, right], operator]) => `${left} ${operator} ${right}`);

const floatComparison = fc
  .tuple(
    fc.constantFrom('o.Price', 'o.Next.Price', 'o.Rate'),
    relation,
    fc.constantFrom('0', '1.5', '-2.25', '0.1', '3', '1e9', '-0.0', '99.9'),
  )
  .map((all) => all.join(' '));

const boolComparison = fc
  .tuple(atom('bool'), equality, fc.constantFrom('true', 'false', 'ok', 'o.Flag'))
  .map((all) => all.join(' '));

const leaf = fc.oneof(
  { weight: 6, arbitrary: integerComparison },
  { weight: 3, arbitrary: stringComparison },
  { weight: 4, arbitrary: stringOrder },
  { weight: 1, arbitrary: affix },
  { weight: 2, arbitrary: nilComparison },
  { weight: 1, arbitrary: pointerComparison },
  { weight: 2, arbitrary: errorComparison },
  { weight: 2, arbitrary: partsComparison },
  { weight: 2, arbitrary: floatComparison },
  { weight: 1, arbitrary: boolComparison },
  { weight: 1, arbitrary: atom('bool') },
);

const condition = (depth: number): fc.Arbitrary<string> =>
  depth === 0
    ? leaf
    : fc.oneof(
        { weight: 2, arbitrary: leaf },
        {
          weight: 2,
          arbitrary: fc
            .tuple(condition(depth - 1), fc.constantFrom('&&', '||'), condition(depth - 1))
            .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
        },
        { weight: 1, arbitrary: condition(depth - 1).map((text) => `!(${text})`) },
      );

/** `count` conditions, the same for the same seed. */
export const randomConditions = (seed: number, count: number): readonly string[] =>
  fc.sample(condition(2), { seed, numRuns: count });
