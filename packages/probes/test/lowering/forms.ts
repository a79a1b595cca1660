/** Conditions that people write, by what they are made of, over the parameters of `main.probe` in program.ts. */

export interface Form {
  readonly condition: string;
  /** The same in the program's own source, where it differs. */
  readonly go?: string;
}

const written = (conditions: readonly string[]): readonly Form[] => conditions.map((condition) => ({ condition }));

/** With the package before its types, as Delve wants it. */
const qualified = (conditions: readonly string[]): readonly Form[] =>
  conditions.map((condition) => ({ condition, go: condition.replaceAll('main.', '') }));

/** Answered alike by Go, the kernel and Delve; a call on which Go panics is one that Delve fails on. */
export const sharedForms: readonly Form[] = [
  ...written([
    'o.Side == SideBuy',
    'o.Side != SideNone && o.Side < SideSell',
    'o.Wait > time.Second',
    'o.Wait > 3*time.Second',
    'o.Wait == Deadline',
    'w == MaxWide',
    'o.Qty > Lot/2',
    'int(o.Side) == 1',
    'int8(o.Side) == o.Small',
    'string(o.Label) == o.Symbol',
    'o.Label == "AC"',
    'bool(o.Flag)',
    'o.Price > tolerance',
    'o.At == pointOrigin',
    'o.At != o.Path[0]',
    'o.Next != nil && o.Key == o.Next.Key',
    'o.Next != nil && o.Inner == o.Next.Inner',
    'o.Next != nil && o.Path == o.Next.Path',
    'o.Next != nil && o.Sizes != o.Next.Sizes',
    'o.Path[n%3].X == 3',
    'o.Grid[n%2][n%3] == 5',
    "o.Runes[0] == '世'",
    'o.Lines[1].Y == 4',
    'o.Ptrs[0].ID == 5',
    'o.Ptrs[0] == nil',
    'o.List[0] == 1',
    'o.Link != nil && (*o.Link).ID == 5',
    'o.Shape == nil',
    'e != nil && e == io.EOF',
    'o.Any.(int) == 3',
    'o.Any.(string) == "x"',
    'o.Any.(bool)',
    'o.Err.(syscall.Errno) == 2',
    'o.Any.(float64) == 1.5',
    'o.Word > 1',
    'uint64(o.Word) > 1',
    'len(o.By) == 0',
    'cap(o.C) == 2',
    'o.Level == 3',
    'o.Next.Level == 3',
    's[n%3:] == "CME"',
    's[:n%5] == "A"',
    'len(s) > 1 && s[len(s)-2:] == "ME"',
    "len(s) > 0 && s[0] == 'A'",
    's[1:n] == "C"',
    'b&^1 == 64',
    'n<<70 == 0',
    'o.ID>>100 == -1',
    '100/o.Qty == 1',
    '!ok',
    '(n > 3) == (b > 3)',
    'len(os.Args) == 2',
    'usual[0] == 65',
  ]),
  ...qualified([
    'main.Side(b) == main.SideBuy',
    'main.Name(o.Symbol) == o.Label',
    'o.Any.(main.Point).X == 1',
    'o.Shape.(*main.Square).Edge == 1',
    'o.Shape.(*main.Square) == nil',
    'o.Shape.(main.Circle).Radius == 1',
    'o.Err.(main.Code) == 3',
    'o.Err.(*main.Broken).Code == 1',
    'main.limits.Most == 17',
  ]),
  { condition: 'time.Duration(n)*time.Second > 3*time.Second' },
];

/** Delve fails on these; nobody asks it in a trace. */
export const ownForms: readonly Form[] = written([
  'Side(1) == o.Side',
  'o.Side == Side(n)',
  'Name(o.Symbol) == o.Label',
  'Point(o.At) == o.At',
  'o.ID == 5.0',
  'o.Qty == 1e2',
  'o.Wait == 3e9',
  'n/2.0 == 1',
  'o.ID == math.MaxInt64',
  'mult == math.MinInt32',
  'rune(n) == 10',
  'o.Raw != nil',
  'o.Raw == unsafe.Pointer(unitSquare)',
  'uintptr(o.Raw) != 0',
  'o.Next != nil && o.C == o.Next.C',
  'o.Shape == unitSquare',
  'o.Any == "x"',
  'o.Symbol == o.Any',
  'strings.HasPrefix(s, "...")',
  'o.Any == int(3)',
  'o.Any == o.At',
  'o.Any == o.Price',
  'o.Err == Code(3)',
  'o.Err == errOne',
  'o.Err == syscall.ENOENT',
  'o.Next != nil && o.Err == o.Next.Err',
  'o.Any.(Point).X == 1',
  'o.Shape.(*Square) == unitSquare',
  'o.Held == o.Twin',
  'o.Held != o.Twin',
  'o.Twin == o.Held && o.Held != nil || o.Next != nil && o.Next.Held == o.Held',
  'strings.HasPrefix(o.Symbol, s)',
  'strings.HasSuffix(o.Symbol, s)',
  'strings.Contains(o.Symbol, "ME")',
  'strings.Contains(o.Symbol, "é")',
  'strings.Contains(o.Symbol, "single pi")',
  'strings.Contains(o.Symbol, "f the scratch ar")',
  'strings.Contains(o.Symbol, "\\x00")',
  's[b:] == ""',
  'strings.Contains(s[1:], "")',
  'o.Any.(Nothing) == o.Void',
  'o.Next.Void == o.Void',
  'o.Bound == o.Next.Bound',
  'xs[b] == 5',
]);

export interface Refusal {
  readonly condition: string;
  readonly says: RegExp;
  /** The probed function. */
  readonly at: string;
}

const refusal = (condition: string, says: RegExp, at = 'main.probe'): Refusal => ({ condition, says, at });

/** Where nobody else judges. */
export const refusedForms: readonly Refusal[] = [
  refusal('o.Symbol == DefaultName', /no variable DefaultName .*keeps the integers only, so write the value/),
  refusal('o.At == Point{1, 2}', /composite literals; compare field by field/),
  refusal('o.Next != nil && *o == *o.Next', /there is a slice in it, and Go compares those with nil only/),
  refusal('xs == xs', /compares a slice with nil only; compare lengths or elements/),
  refusal('o.M["a"] == 1', /does not search maps; only len\(m\) and m == nil/),
  refusal('o.Z == 1', /no complex numbers/),
  refusal('real(o.Z) == 1', /no complex numbers/),
  refusal('float64(o.Qty) > 2.5', /makes no floating-point numbers of integers; compare the integer itself/),
  refusal('int(o.Price) == 1', /cuts no floating-point number .*as in x >= 1 && x < 2/),
  refusal('o.Price * 2 > 3', /computes with none; do the sum in the constant/),
  refusal('1<<b > 100', /as in int\(1\) << n/),
  refusal('errors.Is(e, io.EOF)', /calls no functions; compare the error itself, as in err == io\.EOF/),
  refusal('o.Shape.Area() == 1', /calls no functions; compare variables, fields and elements/),
  refusal('min(n, 3) == 2', /calls no functions; compare both/),
  refusal('strings.EqualFold(s, "acme")', /knows HasPrefix, HasSuffix, Contains/),
  refusal('s + "x" == "ACx"', /joins no strings; compare their parts/),
  refusal('xs[1:][0] == 300', /only strings can be sliced .*index what you slice instead/),
  refusal('o.Any == 3', /no type here; give it one, as in int\(3\)/),
  refusal('o.Any.(error) == nil', /no type error/),
  refusal('o.Any == o.Bound', /versions keep values of main\.Beside in interfaces in different ways/),
  refusal('o.Any.(Beside).To == nil', /versions keep values of main\.Beside in interfaces in different ways/),
  refusal('errOne == of[0]', /another one in each instantiation; ask for what it holds/, 'main.pick'),
  refusal(String.raw`s == "\xff"`, /This escape is not a character; write characters, or compare single bytes/),
  refusal('strings.HasPrefix(s...)', /cannot evaluate "s\.\.\."/),
  refusal('o.qty == 3', /no field qty; did you mean Qty\?/),
  refusal('Mult == 3', /did you mean mult\?/),
  refusal('b == 256', /no value of uint8, which goes from 0 to 255/),
  refusal('n == "a"', /string constant is no int; compare with a number/),
  refusal('ok == 1', /integer constant is no bool; compare with true or false/),
  refusal('Lot/2.5 == 40', /write its value instead/),
];

/** Where Delve judges the same text: what it cannot do either is said. */
export const refusedBesideDelve: readonly Refusal[] = [
  refusal('o.ID == 5.0', /the debugger takes no constant with a point or exponent for an integer; write 5\./),
  refusal('Side(1) == o.Side', /the debugger knows types by their packages only; write main\.Side/),
  refusal('o.ID == math.MaxInt64', /int64 and int are different types; convert one of them/),
  refusal('o.Any == "x"', /ask for what it holds, as in x\.\(string\) == y/),
  refusal('o.Shape == unitSquare', /as in x\.\(\*main\.Square\) == y/),
  refusal('strings.HasPrefix(s, "AC")', /calls no functions in conditions; .* like s\[:3\] == "abc"/),
  refusal('strings.HasSuffix(s, "AC")', /like len\(s\) > 2 && s\[len\(s\)-3:\] == "abc"/),
  refusal('o.Bound == o.Next.Bound', /the debugger compares fields that are named _ too; compare the parts/),
  refusal('xs[b] == 5', /takes no unsigned index; convert it to int/),
  refusal('o.Next != nil && o.C == o.Next.C', /does not compare two values of type chan int/),
  refusal('o.Raw == nil', /takes no unsafe\.Pointer for nil/),
];
