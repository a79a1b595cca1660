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
	"strings"
)

var _ = strings.HasPrefix

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
		sink += int(limits.Most)
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

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

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
		Err:    pick[error](r, nil, io.EOF, errOne, errTwo),
		Any:    pick[any](r, nil, 3, "x"),
		M:      pick(r, nil, map[string]int{}, map[string]int{"a": 1}),
		C:      pick(r, nil, make(chan int, 2)),
		F:      pick(r, nil, func() {}),
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
