/** A Go program whose lines are passed known numbers of times. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Marks in the source stand for the line that they are on. */
export const source = `package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

type Order struct {
	ID    int
	Qty   int
	Price int
	Name  string
}

var sink int

//go:noinline
func note(n int) { sink += n }

func half(n int) int { return n/2 + 1 } // mark:half

func value(o *Order) int { return o.Price*o.Qty + o.ID }

//go:noinline
func newOrder(n int) *Order { return &Order{ID: n, Qty: n % 4, Price: 2, Name: "x"} }

//go:noinline
func work(n int, o *Order) (int, error) { // mark:func
	total := n * 3        // mark:first
	for i := 0; i < n; i++ { // mark:loop
		if i%3 == 0 { // mark:test
			total += i*o.Price + o.Qty // mark:third
			note(total)
		}
		rest := i*i - o.Qty // mark:rest
		total ^= rest + value(o)
		note(half(total)) // mark:call
	}
	if n > 7 { // mark:over
		return total, errors.New("over") // mark:error
	}
	return total, nil // mark:end
}

//go:noinline
func largest[T any](values []T) []T {
	note(len(values))
	return values
}

//go:noinline
func leaf(a int, o *Order) int { return a*o.Qty + a - o.ID } // mark:leaf

//go:noinline
func grow(depth int, o *Order) int { // mark:grow
	var pad [64]int
	pad[depth%64] = depth
	if depth == 0 {
		return o.ID
	}
	return grow(depth-1, o) + pad[depth%64]
}

// clamp is inlined wherever it is called.
func clamp(v, low, high int) int {
	if v+low < low*3 { // mark:clamp
		return low * 2
	}
	if v > high {
		return high - low
	}
	return v ^ low
}

//go:noinline
func clamped(n int, o *Order) int {
	first := clamp(n*o.Price-5, 2, 17)
	note(first)
	return first + clamp(o.Qty+first, n, o.ID)
}

var kept *Order

//go:noinline
func keep(n int) *Order {
	o := &Order{ID: n, Qty: n % 4, Price: 2, Name: "kept"} // mark:alloc
	kept = o                                               // mark:kept
	return o
}

// route has as many cases as the compiler makes a table of.
//
//go:noinline
func route(kind int, o *Order) int {
	switch kind { // mark:switch
	case 0:
		return o.ID + 1 // mark:zero
	case 1:
		note(kind)
		return o.Qty*2 + o.ID
	case 2:
		return o.Price ^ o.ID
	case 3:
		note(o.Qty)
		o.Price += kind // mark:three
		note(o.Price)
	case 4, 5:
		for i := 0; i < kind; i++ {
			o.Qty += i ^ o.ID // mark:turn
		}
	case 6:
		return o.ID - 7
	case 7:
		note(o.ID * 3)
		return o.ID & 3
	case 8:
		return o.Price | 1
	case 9:
		note(9)
	}
	return o.Price + kind // mark:routed
}

func main() { // mark:main
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\\n') // mark:start
	errs := 0
	for n := 0; n < 10; n++ {
		order := newOrder(n)
		_, err := work(n, order)
		if err != nil {
			errs++
		}
		sink += value(order) + len(largest([]int{n, 3})) + len(largest([]string{"a", "b", "c"}[:n%4]))
		sink += leaf(n, &Order{ID: n * 2, Qty: 3})
		sink += route(n, keep(n)) + clamped(n, &Order{ID: n * 2, Qty: 3, Price: n})
	}
	done := make(chan int)
	go func() { done <- grow(500, &Order{ID: 1}) }()
	<-done
	fmt.Println("done", sink, errs)
}
`;

/** Line of "mark:NAME". */
export const lineOf = (mark: string): number => {
  const index = source.split('\n').findIndex((line) => line.endsWith(`mark:${mark}`));
  if (index < 0) throw new Error(`there is no mark:${mark}`);
  return index + 1;
};

/** Builds the program in a directory of its own; returns the path of the binary. */
export const buildLines = async (
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'probelens-lines-'));
  const sources = join(directory, 'lines');
  await mkdir(sources);
  await writeFile(join(sources, 'go.mod'), 'module lines\n\ngo 1.18\n');
  await writeFile(join(sources, 'main.go'), source);
  const binary = join(directory, 'program');
  await execa('go', ['build', ...flags, '-o', binary, '.'], { cwd: sources, env });
  return binary;
};
