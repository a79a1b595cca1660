/** Results at returns, read by the kernel: which calls hold is known from the program. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, test } from 'vitest';
import { requirement } from '../../../../test/requirements.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { parseProbeText } from '../../src/spec/text.js';
import { ConditionRun, judge } from '../lowering/kernel.js';
import { buildSource } from './source-program.js';

const source = `package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

type padded struct {
	A int
	_ int32
	B int
}

type words [3]int

//go:noinline
func blank(n int) (padded, error) {
	if n == 6 {
		return padded{A: n, B: 600}, errors.New("six")
	}
	return padded{A: n, B: n * 100}, nil
}

//go:noinline
func onStack(n int) (w words, last int) {
	w[1] = n * 10
	return w, n
}

// The compiler records res twice.
//
//go:noinline
func kept(n int) (res int, err error) {
	defer func() {
		if p := recover(); p != nil {
			res, err = -n, errors.New("kept")
		}
	}()
	if n%4 == 3 {
		panic(n)
	}
	return n, nil
}

func main() {
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\\n')
	sum := 0
	for n := 0; n < 10; n++ {
		p, err := blank(n)
		w, last := onStack(n)
		if r, err := kept(n); err == nil {
			sum += r
		}
		sum += p.B + w[1] + last
		if err != nil {
			sum++
		}
	}
	fmt.Println(sum)
}
`;

const matches: Readonly<Record<string, number>> = {
  'main.blank return if r0.B == 700': 1,
  'main.blank return if r0.B > 250': 7,
  'main.blank return if err != nil': 1,
  'main.blank return if r0.A == 3 && err == nil': 1,
  'main.onStack return if w[1] == 40': 1,
  'main.onStack return if last > 6': 3,
  'main.kept return if err != nil': 2,
  'main.kept return if err != nil && res < 0': 2,
  'main.kept return if err == nil && res >= 0': 8,
};

describe.skipIf(requirement('kernel', 'go').missing)('results', () => {
  test.each<readonly [string, readonly string[]]>([
    ['optimised', []],
    ['-N -l', ['-gcflags=all=-N -l']],
  ])('%s: blank fields, arrays on the stack', async (_name, flags) => {
    const path = await buildSource(source, flags);
    const binary = await openGoBinary(path);
    const planner = await loadPlanner();
    const plans = Object.keys(matches).map((text) => {
      const parsed = parseProbeText(text);
      if (!parsed.ok) throw new Error(parsed.message);
      const result = planner.plan(parsed.spec, binary);
      if (!result.ok) throw new Error(`${text}: ${result.refusal.message}`);
      return { ...result.plan, captures: [] };
    });
    const run = new ConditionRun(path, 0);
    await run.ready();
    const verdicts = await judge(run, plans);
    const seen = Object.keys(matches).map((text, index) => [text, verdicts[index]?.held.length]);
    expect(Object.fromEntries(seen)).toEqual(matches);
    expect(verdicts.every(({ hits, faulted }) => hits === 10 && faulted.length === 0)).toBe(true);
    binary.close();
    planner.dispose();
    await rm(dirname(path), { recursive: true });
  });
});
