/** A program with values of several parts, and how the captures of its calls read. */
export const source = `package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

type inner struct {
	Flag bool
	Wide int64
	Tiny int8
}

type order struct {
	ID    int32
	Price float64
	Name  string
	Sizes [3]uint16
	In    inner
	Next  *order
	Tags  []string
	Err   error
	Any   any
	M     map[string]int
	C     chan int
	Z     complex128
}

type celsius struct{ Degrees float64 }
type myError struct{ code int }

func (e *myError) Error() string { return fmt.Sprint(e.code) }

type pair struct {
	A, B int32
	_    int32
	C    uint8
}

var sink int

//go:noinline
func takes(o *order, p pair, xs []int16, e error, any any, m map[string]int, c chan int, words []string) int {
	sink += len(xs) + int(p.A) + len(m) + len(c) + len(words)
	if o != nil && e != nil && any != nil {
		sink += int(o.ID)
	}
	return sink
}

type wide struct {
${Array.from({ length: 40 }, (_, index) => `	N${index} int64`).join('\n')}
}

type many struct {
${Array.from({ length: 30 }, (_, index) => `	S${index} string`).join('\n')}
}

type late struct {
	Blob [32]int64
	X, Y int32
	S    string
	Z    uint8
}

//go:noinline
func wides(w *wide, m *many, l late, pn *int, ps *string, none *int, cut [10]int32) int {
	sink += int(w.N3) + len(m.S2) + int(l.X) + *pn + len(*ps) + int(cut[1])
	return sink
}

type temperature float32
type flags uint16
type label string

type holder struct {
	Err error
	Any any
}

//go:noinline
func holds(a any, e error, h *holder) int {
	if a != nil && e != nil && h != nil {
		sink++
	}
	return sink
}

var held = []any{
	nil, true, false, -3, int8(-128), int16(-300), int32(-70000), int64(-1 << 62), uint(1 << 63), uint8(255), flags(65535), uint32(1 << 31),
	uint64(1<<64 - 1), uintptr(12), 1.5, -0.1, float32(0.1), temperature(-2.5), complex64(1 - 2i), 3 + 4i, "", "ACME é\t", label("longer than thirty-two characters, but not than sixty-four"),
	errors.New("plain"), fmt.Errorf("wrapped: %w", errors.New("inner")), fmt.Errorf("two: %w %w", os.ErrExist, os.ErrClosed), (*myError)(nil), (*order)(nil),
}

// As they are shown: the type, and the value of numbers, texts and errors that are a text.
func shownAs(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case *myError, *order:
		return fmt.Sprintf("%T(nil)", v)
	case error:
		return fmt.Sprintf("%T(%q)", v, v.Error())
	case string, label:
		return fmt.Sprintf("%T(%q)", v, v)
	default:
		return fmt.Sprintf("%T(%v)", v, v)
	}
}

type deep struct{ A struct{ B struct{ C struct{ D struct{ E struct{ F int } } } } } }
type huge struct {
	Words [40]int
	Last  string
}

//go:noinline
func cuts(d deep, pd *deep, many []huge, nested [2]deep, s string) int {
	return len(many) + len(s) + d.A.B.C.D.E.F
}

//go:noinline
func show(s string) { fmt.Println(s) }

func text(v any) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprintf("%T", v)
}

func main() {
	if os.Args[1] == "truth" {
		for _, v := range held {
			fmt.Println(shownAs(v))
		}
		return
	}
	channel := make(chan int, 4)
	channel <- 1
	big := map[string]int{}
	for i := 0; i < 100; i++ {
		big[fmt.Sprint(i)] = i
	}
	orders := []*order{
		{ID: -5, Price: 1.5, Name: "ACME", Sizes: [3]uint16{1, 2, 65535}, In: inner{true, -1 << 62, -7}, Tags: []string{"a", "bc"},
			Err: errors.New("x"), Any: celsius{3}, M: big, C: channel, Z: complex(1.5, -2)},
		{Name: "a long name of more than thirty-two characters"},
		nil,
	}
	errs := []error{&myError{3}, nil, errors.New("y")}
	anys := []any{3, celsius{1}, nil}
	slices := [][]int16{{1, -2, 3}, nil, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}
	maps := []map[string]int{big, nil, {"a": 1}}
	chans := []chan int{channel, nil, make(chan int)}
	words := [][]string{{"one", "two"}, {}, {"three"}}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\\n')
	for i := range orders {
		takes(orders[i], pair{int32(i), -int32(i) - 1, 0, uint8(200 + i)}, slices[i], errs[i], anys[i], maps[i], chans[i], words[i])
	}
	n, long := 41, strings.Repeat("0123456789", 5)
	w, m, l := &wide{N0: -1, N3: 3, N31: 31, N39: 39}, &many{S0: "first", S2: long, S29: "last"}, late{X: 5, S: "end", Z: 7}
	l.Blob[0], l.Blob[31] = 9, 8
	wides(w, m, l, &n, &long, nil, [10]int32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	for _, v := range held {
		e, _ := v.(error)
		holds(v, e, &holder{e, v})
	}
	cuts(deep{}, &deep{}, []huge{{Last: "x"}, {}}, [2]deep{}, strings.Repeat("世", 30))
	show(fmt.Sprint(sink))
}
`;

export const expected: readonly Readonly<Record<string, RegExp | string>>[] = [
  {
    o: /^&\{ID:-5 Price:1\.5 Name:"ACME" Sizes:\[1 2 65535\] In:\{Flag:true Wide:-4611686018427387904 Tiny:-7\} Next:nil Tags:\["a" "bc"\] Err:\*errors\.errorString\(0x[0-9a-f]+\) Any:main\.celsius\(0x[0-9a-f]+\) M:map\[string\]int\(len 100\) C:chan int\(len 1 cap 4\) Z:\(1\.5-2i\)\}$/,
    p: '{A:0 B:-1 C:200}',
    xs: '[1 -2 3]',
    e: /^\*main\.myError\(0x[0-9a-f]+\)$/,
    any: 'int(3)',
    m: 'map[string]int(len 100)',
    c: 'chan int(len 1 cap 4)',
    words: '["one" "two"]',
  },
  {
    o: /^&\{ID:0 Price:0 Name:"a long name of more than thirty-"\.\.\.\+14 more .* Tags:\[\] Err:nil Any:nil M:nil C:nil Z:\(0\+0i\)\}$/,
    p: '{A:1 B:-2 C:201}',
    xs: '[]',
    e: 'nil',
    any: /^main\.celsius\(0x/,
    m: 'nil',
    c: 'nil',
    words: '[]',
  },
  {
    o: 'nil',
    p: '{A:2 B:-3 C:202}',
    xs: '[1 2 3 4 5 6 7 8 ...+2 more]',
    e: '*errors.errorString("y")',
    any: 'nil',
    m: 'map[string]int(len 1)',
    c: 'chan int(len 0 cap 0)',
    words: '["three"]',
  },
];

/** What each hit of the plan captured. */
