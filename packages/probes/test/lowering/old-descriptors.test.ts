/** Interfaces with structs, compared in a program whose descriptors are laid out as before Go 1.19. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { requirement, soaking } from '../../../../test/requirements.js';
import { loadPlanner } from '../../src/plan/planner.js';
import { ConditionRun, judge } from './kernel.js';

/** abi.StructField keeps an offset since 1.19; before, twice the offset and a bit for embedded fields (reflect/type.go). */
const oldest = 'go1.17.13';

const program = `package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

type Spot struct{ X, Y float64 }
type Tag string
type Tagged struct {
	Count int8
	_     int32
	Tag
}

func text(parts ...string) string { return strings.Join(parts, "") }

var pairs = [][2]interface{}{
	{Spot{1, 2}, Spot{1, 2}}, {Spot{1, 2}, Spot{1, 3}}, {Spot{2, 2}, Spot{1, 2}},
	{Tagged{Count: 1, Tag: Tag(text("a", "b"))}, Tagged{Count: 1, Tag: Tag(text("ab"))}}, {Tagged{Count: 1, Tag: "ab"}, Tagged{Count: 1, Tag: "ac"}}, {Tagged{Count: 1, Tag: "ab"}, Tagged{Count: 2, Tag: "ab"}},
	{[2]string{"a", text("b", "c")}, [2]string{"a", "bc"}}, {[2]string{"a", "b"}, [2]string{"a", "c"}},
	{Tagged{Count: 1, Tag: "ab"}, Spot{1, 2}}, {1.5, 1.5}, {text("x", "y"), "xy"},
}

//go:noinline
func probe(n int, held, twin interface{}) { sink = n }

var sink int

func main() {
	for _, pair := range pairs {
		fmt.Print(map[bool]string{true: "t", false: "f"}[pair[0] == pair[1]])
	}
	fmt.Println("\\nready")
	bufio.NewReader(os.Stdin).ReadString('\\n')
	for n, pair := range pairs {
		probe(n, pair[0], pair[1])
	}
}
`;

const built = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'probelens-descriptors-'));
  const sources = join(directory, 'compared');
  await mkdir(sources);
  await writeFile(join(sources, 'go.mod'), 'module compared\n\ngo 1.17\n');
  await writeFile(join(sources, 'main.go'), program);
  const binary = join(directory, 'program');
  // Flags that a newer one is given are unknown to it.
  const env = { GOTOOLCHAIN: oldest, GOFLAGS: '-mod=mod', GOWORK: 'off' };
  await execa('go', ['build', '-o', binary, '.'], { cwd: sources, env });
  return binary;
};

describe.skipIf(requirement('kernel', 'go').missing)('interfaces of an old program', { timeout: 300_000 }, () => {
  test.runIf(soaking)('are equal in the kernel where they are in Go (soak)', async () => {
    const path = await built();
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    try {
      const planned = planner.plan(
        {
          target: { kind: 'function', name: 'main.probe' },
          condition: 'held == twin',
          scope: { kind: 'process' },
          action: { kind: 'log', template: '{n}' },
          rateLimit: undefined,
        },
        binary,
        { use: 'log' },
      );
      if (!planned.ok) throw new Error(planned.refusal.message);
      const run = new ConditionRun(path, 0);
      await run.ready();
      const [verdict] = await judge(run, [planned.plan]);
      const truth = [...(run.truth[0] ?? '')];
      expect(new Set(truth)).toEqual(new Set(['t', 'f']));
      expect(verdict).toEqual({
        held: truth.flatMap((each, call) => (each === 't' ? [call] : [])),
        faulted: [],
        hits: truth.length,
        lost: 0,
      });
    } finally {
      binary.close();
      planner.dispose();
      await rm(dirname(path), { recursive: true });
    }
  });
});
