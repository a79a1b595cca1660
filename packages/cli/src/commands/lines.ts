import { functionLines, type GoBinary, type GoFunction, openGoBinary } from '@probelens/gosym';
import { loadPlanner, type Planner } from '@probelens/probes';
import { type Command, exitCode, readArguments } from '../command.js';
import { CommandError } from '../failure.js';
import { printJson, printLine } from '../output.js';

interface Line {
  readonly line: number;
  readonly file: string;
  /** Lowest address of the line in this function. */
  readonly address: string;
  readonly tier: number | string | null;
  /** Nanoseconds for a hit that does not match. */
  readonly cost: number | null;
  /** Why there, or why not. */
  readonly reason: string;
}

/** The function's own lines in source order; code inlined from elsewhere is not part of them. */
const linesOf = (binary: GoBinary, fn: GoFunction, planner: Planner): readonly Line[] => {
  const first = new Map<number, string>();
  for (const { line, address, inlined } of functionLines(binary, fn)) {
    if (inlined.length === 0 && !first.has(line)) first.set(line, address);
  }
  return [...first]
    .sort(([a], [b]) => a - b)
    .map(([line, address]) => {
      const target = { kind: 'line', file: fn.file, line } as const;
      const spec = {
        target,
        condition: undefined,
        scope: { kind: 'process' },
        action: { kind: 'stop' },
        rateLimit: undefined,
      } as const;
      const result = planner.plan(spec, binary, { yielding: true });
      const at = { line, file: fn.file, address };
      if (!result.ok) return { ...at, tier: null, cost: null, reason: result.refusal.message };
      const site = result.plan.sites.find((candidate) => candidate.function === fn.name);
      return { ...at, tier: site?.tier ?? null, cost: site?.cost ?? null, reason: site?.reason ?? '' };
    });
};

const text = ({ line, address, tier, cost, reason }: Line): string => {
  const price = tier === null ? 'in Delve' : `tier ${tier}, ${Number(((cost ?? 0) / 1000).toFixed(2))} us`;
  return `${String(line).padStart(6)}  ${address}  ${price.padEnd(16)}  ${reason}`;
};

export const lines: Command = {
  usage: `probelens lines BINARY FUNCTION [--json]

  The source lines of a function, and where the kernel can judge a breakpoint on them.

  --json  one object a line: {line, file, address, tier, cost, reason}; cost in nanoseconds`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['BINARY', 'FUNCTION'], { json: { type: 'boolean' } });
    const [path = '', name = ''] = positionals;
    const binary = await openGoBinary(path);
    try {
      const functions = binary.functionsNamed(name);
      if (functions.length === 0) {
        const near = binary.similarNames(name, 3);
        throw new CommandError(
          `There is no function ${name} in this program; ${near.length === 0 ? '`probelens functions` lists those there are.' : `did you mean ${near.join(', ')}?`}`,
        );
      }
      const planner = await loadPlanner();
      for (const fn of functions) {
        for (const line of linesOf(binary, fn, planner)) {
          if (values.json) printJson(line);
          else printLine(text(line));
        }
      }
      return exitCode.done;
    } finally {
      binary.close();
    }
  },
};
