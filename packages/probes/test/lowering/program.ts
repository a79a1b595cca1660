/** A Go program that evaluates conditions itself, prints what it found, and then calls the probed function. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const source = (conditions: readonly string[]): string => `package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

var _, _, _ = strings.HasPrefix, time.Second, slices.Contains[[]int]

type Side int8

const (
	SideNone Side = iota
	SideBuy
	SideSell
)

type Name string

const (
	Lot                  = 100
	Fee                  = 2.5
	DefaultName          = "ACME"
	Preferred       Name = "AC"
	Deadline             = 3 * time.Second
	MaxWide       uint64 = math.MaxUint64
)

var usual, tolerance = "ACME", 1.5

type Point struct{ X, Y int32 }

type Key struct {
	Symbol string
	Side   Side
	At     Point
}

type Shape interface{ Area() float64 }

type Square struct{ Edge float64 }

func (s *Square) Area() float64 { return s.Edge * s.Edge }

type Circle struct{ Radius float64 }

func (c Circle) Area() float64 { return c.Radius * c.Radius * 3 }

type Broken struct{ Code int }

func (b *Broken) Error() string { return fmt.Sprint(b.Code) }

type Code int

func (c Code) Error() string { return fmt.Sprint(int(c)) }

type Nothing struct{}

type Beside struct {
	_  Nothing
	To *Order
}

var pointOrigin Point

var unitSquare = &Square{1}

var errOne, errTwo = errors.New("one"), errors.New("two")

type Inner struct {
	Flag  bool
	Small int8
	Wide  uint64
	Name  string
}

type Deep struct {
	Level int
}

type Order struct {
	ID     int64
	Symbol string
	Qty    int
	Price  float64
	Rate   float32
	Tags   []string
	Sizes  [4]int32
	Next   *Order
	Inner
	*Deep
	Err error
	Any any
	M   map[string]int
	C   chan int
	F   func()

	Side  Side
	Label Name
	Wait  time.Duration
	At    Point
	Void  Nothing
	Bound Beside
	Key   Key
	Path  [3]Point
	Shape Shape
	Raw   unsafe.Pointer
	Word  uintptr
	Z     complex128
	Runes [2]rune
	Grid  [2][3]int16
	Lines []Point
	Ptrs  []*Order
	List  *[3]int32
	Link  **Order
	By    map[string]*Order

	Data []byte

	// What one interface holds and another: equal, not quite, not at all, and what Go does not compare.
	Held, Twin any

	Far   *Hall
	Sheet *Listed
}

// More than any address space holds elements of in a debugger.
type Hall struct {
	ID   int
	Room [1 << 33]byte
}

type Spot struct{ X, Y float64 }

type Row struct {
	Name string
	Rate float32
	At   Point
	OK   bool
}

type Padded struct {
	Small int8
	Wide  int64
	_     int32
	Last  uint16
}

type Couple[A, B any] struct {
	First  A
	Second B
}

type Only struct{ To *Order }

type Listed struct{ Names []string }

type Named struct {
	First, Last string
	Of          [2]string
}

var lane = make(chan int)

// A word that is left out of comparisons.
func padded(small int8, last uint16, fill int32) Padded {
	p := Padded{Small: small, Wide: 7, Last: last}
	*(*int32)(unsafe.Add(unsafe.Pointer(&p), 16)) = fill
	*(*int8)(unsafe.Add(unsafe.Pointer(&p), 1)) = int8(fill)
	return p
}

func text(parts ...string) string { return strings.Join(parts, "") }

var pairs = [][2]any{
	{nil, nil}, {nil, 1}, {1, 1}, {1, int8(1)}, {int8(-1), int8(-1)}, {uint16(65535), uint16(65534)},
	{1.5, 1.5}, {1.5, -1.5}, {math.NaN(), math.NaN()}, {0.0, math.Copysign(0, -1)}, {float32(0.1), float32(0.1)},
	{float32(0), float32(math.Copysign(0, -1))}, {1 + 2i, 1 + 2i}, {1 + 2i, 1 - 2i}, {complex(math.NaN(), 0), complex(math.NaN(), 0)},
	{complex64(1 + 2i), complex64(1 + 2i)}, {complex64(2i), complex64(3i)}, {true, true}, {true, false},
	{text("AC", "ME"), text("ACM", "E")}, {"ACME", "ACMD"}, {"", ""}, {"a", ""}, {text("x", strings.Repeat("y", 200)), text(strings.Repeat("xy", 1), strings.Repeat("y", 199))},
	{Point{1, 2}, Point{1, 2}}, {Point{1, 2}, Point{1, 3}}, {Spot{1, 2}, Spot{1, 2}}, {Spot{1, math.NaN()}, Spot{1, math.NaN()}},
	{Spot{0, 1}, Spot{math.Copysign(0, -1), 1}}, {Spot{1, 2}, Spot{1, 3}},
	{Row{text("AC", "ME"), 1.5, Point{1, 2}, true}, Row{"ACME", 1.5, Point{1, 2}, true}}, {Row{"ACME", 1.5, Point{1, 2}, true}, Row{"ACME", 1.5, Point{1, 2}, false}},
	{Row{"ACME", 1.5, Point{1, 2}, true}, Row{"ACME", 1.5, Point{2, 2}, true}}, {Row{"AC", 1.5, Point{1, 2}, true}, Row{"ACME", 1.5, Point{1, 2}, true}},
	{padded(1, 2, 3), padded(1, 2, 99)}, {padded(1, 2, 3), padded(1, 3, 3)}, {padded(2, 2, 3), padded(1, 2, 3)},
	{[2]float64{1, 2}, [2]float64{1, 2}}, {[2]float64{1, 2}, [2]float64{1, 3}}, {[3]string{"a", "b", text("c", "d")}, [3]string{"a", "b", "cd"}}, {[3]string{"a", "b", "c"}, [3]string{"a", "b", "d"}},
	{[40]int64{1}, [40]int64{2}}, {[32]int64{31: 1}, [32]int64{31: 1}}, {[32]int64{31: 1}, [32]int64{31: 2}}, {[0]int{}, [0]int{}}, {Nothing{}, Nothing{}},
	{Named{"a", "b", [2]string{}}, Named{"a", "c", [2]string{}}}, {[1]*Square{unitSquare}, [1]*Square{unitSquare}}, {[1]*Square{unitSquare}, [1]*Square{nil}},
	{lane, lane}, {lane, make(chan int)}, {unsafe.Pointer(unitSquare), unsafe.Pointer(unitSquare)}, {Only{nil}, Only{nil}}, {Only{nil}, Only{&Order{}}},
	{unitSquare, unitSquare}, {unitSquare, &Square{1}}, {(*Square)(nil), (*Square)(nil)}, {Circle{1}, Circle{1}}, {Code(3), Code(3)}, {Code(3), 3},
	{func() {}, func() {}}, {map[string]int{}, map[string]int{}}, {[]int{1}, []int{1}}, {Listed{}, Listed{}}, {Listed{}, Nothing{}}, {[1]func(){}, [1]func(){}},
}

type Limits struct {
	Most  int64
	Table [3]int32
}

var limits = Limits{Most: 17, Table: [3]int32{1, -2, 3}}

var sink int

//go:noinline
func keep(n int) { sink += n }

//go:noinline
func probe(n int, o *Order, mult int32, b uint8, w uint64, s string, ok bool, xs []int16, e error) int {
	keep(n + int(mult) + int(b) + int(w) + len(s) + len(xs) + cap(xs))
	if len(xs) > 0 {
		sink += int(xs[0])
	}
	if ok && e != nil && o != nil {
		sink += int(limits.Most) + len(usual) + int(tolerance) + int(pointOrigin.X) + int(unitSquare.Edge)
	}
	return sink
}

//go:noinline
func truth(condition int, n int, o *Order, mult int32, b uint8, w uint64, s string, ok bool, xs []int16, e error) (answer byte) {
	defer func() {
		if recover() != nil {
			answer = 'p'
		}
	}()
	holds := false
	switch condition {
${conditions.map((each, index) => `\tcase ${index}:\n\t\tholds = ${each}`).join('\n')}
	}
	if holds {
		return 't'
	}
	return 'f'
}

//go:noinline
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func hidden(n int) any {
	type inside struct{ N int }
	return inside{n}
}

// As o.(inside).N == n would be, if the type had a name out here.
func isInside(v any, n int) bool {
	if fmt.Sprintf("%T", v) != "main.inside" {
		panic("another type")
	}
	return v == hidden(n)
}

func ambiguous(n int) any {
	type twice struct{ N int }
	return twice{n}
}

func ambiguousToo(n int) any {
	type twice struct{ M int }
	return twice{n}
}

//go:noinline
func order(r *rand.Rand, next *Order) *Order {
	o := &Order{
		ID:     pick(r, 0, 1, -1, 5, 42, math.MaxInt64, math.MinInt64, r.Int64()),
		Symbol: pick(r, "", "ACME", "AC", "CM", "ACMEACME", "é", "a\\x00b", "the very long name that needs more than a single piece of the scratch area"),
		Qty:    pick(r, 0, 1, -3, 100, r.IntN(1000)),
		Price:  pick(r, 0.0, math.Copysign(0, -1), 1.5, -2.25, 0.1, 99.9, 1e9, math.NaN(), math.Inf(1), math.Inf(-1), r.Float64()*10),
		Rate:   pick(r, float32(0), 0.1, 1.5, -2.25, 3, 99.9, float32(math.NaN()), float32(math.Inf(-1))),
		Tags:   pick(r, nil, []string{}, []string{"ACME"}, []string{"AC", "x"}),
		Sizes:  [4]int32{pick(r, int32(0), -1, math.MaxInt32), 2, pick(r, int32(7), math.MinInt32, 3), 4},
		Next:   next,
		Inner:  Inner{Flag: r.IntN(2) == 0, Small: pick(r, int8(0), -128, 127, 3), Wide: pick(r, uint64(0), 1, math.MaxUint64, 1<<63, r.Uint64()), Name: pick(r, "", "ACME", "AC")},
		Err:    pick[error](r, nil, io.EOF, errOne, errTwo, Code(3), Code(4), syscall.ENOENT, &Broken{1}, (*Broken)(nil), &os.PathError{Op: "open"}),
		Any:    pick[any](r, nil, 3, 4, "x", "y", int8(3), Point{1, 2}, 1.5, true, Nothing{}, Beside{},
			'x', hidden(3), hidden(4), ambiguous(1), ambiguousToo(1), []int{1, 2}, []int(nil), map[string]int(nil), map[string]int{"a": 1}, [2]int{1, 3}, Couple[string, int]{"a", 3}, Couple[Point, *Order]{}, lane),
		M:      pick(r, nil, map[string]int{}, map[string]int{"a": 1}),
		C:      pick(r, nil, make(chan int, 2)),
		F:      pick(r, nil, func() {}),
		Side:   pick(r, SideNone, SideBuy, SideSell, -3),
		Label:  pick(r, Name(""), "AC", "ACME"),
		Wait:   pick(r, 0, time.Second, 3*time.Second, -time.Hour, time.Duration(r.Int64())),
		At:     pick(r, Point{}, Point{1, 2}, Point{1, -2}),
		Key:    Key{pick(r, "", "ACME"), pick(r, SideNone, SideBuy), pick(r, Point{}, Point{1, 2})},
		Path:   [3]Point{pick(r, Point{}, Point{1, 2}), {3, 4}, {5, 6}},
		Shape:  pick[Shape](r, nil, unitSquare, &Square{2}, Circle{1}, (*Square)(nil)),
		Raw:    pick(r, nil, unsafe.Pointer(unitSquare)),
		Word:   pick(r, uintptr(0), 1, math.MaxUint64),
		Z:      pick(r, 0, 1+2i, 1, complex(math.NaN(), 2), complex(math.Copysign(0, -1), 0)),
		Data:   pick(r, nil, []byte{}, []byte("ACME"), []byte("AC"), []byte("\\xff\\xfe"), []byte("a\\x00b")),
		Runes:  [2]rune{pick(r, 'a', 'é', '世'), 'b'},
		Grid:   [2][3]int16{{1, 2, 3}, {pick(r, int16(-4), 4), 5, 6}},
		Lines:  pick(r, nil, []Point{}, []Point{{1, 2}, {3, 4}}),
		List:   pick(r, nil, &[3]int32{1, 2, 3}, &[3]int32{-1, 2, 3}),
		By:     pick(r, nil, map[string]*Order{}),
	}
	pair := pairs[r.IntN(len(pairs))]
	o.Held, o.Twin = pair[0], pair[1]
	if next != nil {
		o.Link = pick(r, nil, &o.Next)
		o.Ptrs = pick(r, nil, []*Order{nil, next}, []*Order{next})
	}
	if r.IntN(3) > 0 {
		o.Deep = &Deep{Level: r.IntN(10)}
	}
	return o
}

type vector struct {
	o    *Order
	mult int32
	b    uint8
	w    uint64
	s    string
	ok   bool
	xs   []int16
	e    error
}

func main() {
	r := rand.New(rand.NewPCG(1, 2))
	count := 0
	fmt.Sscan(os.Args[1], &count)
	var vectors []vector
	for range count {
		next := pick(r, nil, order(r, nil), order(r, order(r, nil)))
		vectors = append(vectors, vector{
			o: order(r, next), mult: pick(r, int32(0), 1, -1, 7, math.MaxInt32, math.MinInt32, r.Int32()),
			b: pick(r, uint8(0), 1, 255, 65, 128, uint8(r.Uint32())), w: pick(r, uint64(0), 1, 64, math.MaxUint64, 1<<63, r.Uint64()),
			s: pick(r, "", "ACME", "AC", "CM", "xAC"), ok: r.IntN(2) == 0,
			xs: pick(r, nil, []int16{}, []int16{5}, []int16{-7, 300, 2}), e: pick[error](r, nil, errors.New("x"), io.EOF, errOne, &os.PathError{}),
		})
		if r.IntN(8) == 0 {
			v := &vectors[len(vectors)-1]
			v.o.Next = v.o
		}
	}
	out := bufio.NewWriter(os.Stdout)
	for condition := range ${conditions.length} {
		for n, v := range vectors {
			out.WriteByte(truth(condition, n, v.o, v.mult, v.b, v.w, v.s, v.ok, v.xs, v.e))
		}
		out.WriteByte('\\n')
	}
	fmt.Fprintln(out, "ready")
	out.Flush()
	bufio.NewReader(os.Stdin).ReadString('\\n')
	for n, v := range vectors {
		probe(n, v.o, v.mult, v.b, v.w, v.s, v.ok, v.xs, v.e)
	}
	fmt.Println("done")
}
`;

/** Builds the program in a directory of its own; returns the path of the binary. */
export const buildConditions = async (
  conditions: readonly string[],
  flags: readonly string[] = [],
): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'probelens-conditions-'));
  const sources = join(directory, 'conditions');
  await mkdir(sources);
  await writeFile(join(sources, 'go.mod'), 'module conditions\n\ngo 1.24\n');
  await writeFile(join(sources, 'main.go'), source(conditions));
  const binary = join(directory, 'program');
  await execa('go', ['build', ...flags, '-o', binary, '.'], { cwd: sources });
  return binary;
};
