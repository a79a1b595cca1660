/**
 * Plans made by hand from what `go tool` and readelf print: independent of gosym and of the planner, whose own tests
 * are elsewhere.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { execa } from 'execa';
import type { LoweredExpression } from '../src/plan/expression.js';
import type { PlannedCapture, PlannedSite, ProbePlan } from '../src/plan/plan.js';
import type { ProbeAction } from '../src/spec/spec.js';

export interface Instruction {
  readonly line: number;
  readonly address: number;
  readonly bytes: string;
  readonly text: string;
}

const segmentOf = async (path: string, address: number): Promise<{ vaddr: number; offset: number }> => {
  const { stdout } = await execa('readelf', ['-lW', path]);
  for (const line of stdout.split('\n')) {
    // LOAD offset vaddr paddr filesize memsize flags align
    const [, offset, vaddr, size] = /^\s*LOAD\s+(0x\S+)\s+(0x\S+)\s+\S+\s+(0x\S+)/.exec(line) ?? [];
    const start = Number(vaddr);
    if (size !== undefined && address >= start && address < start + Number(size))
      return { vaddr: start, offset: Number(offset) };
  }
  throw new Error(`no segment of ${path} holds ${address.toString(16)}`);
};

export const disassembly = async (path: string, name: string): Promise<readonly Instruction[]> => {
  const pattern = `^${name.replaceAll('.', '\\.')}$`;
  const { stdout } = await execa('go', ['tool', 'objdump', '-s', pattern, path]);
  return stdout.split('\n').flatMap((row) => {
    const [, line, address, bytes, text] = /^\s+\S+:(\d+)\s+0x([0-9a-f]+)\s+([0-9a-f]+)\s+(.*)$/.exec(row) ?? [];
    if (line === undefined || address === undefined || bytes === undefined || text === undefined) return [];
    return [{ line: Number(line), address: Number.parseInt(address, 16), bytes, text: text.trim() }];
  });
};

export const fileBytes = (path: string, offset: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  const file = openSync(path, 'r');
  try {
    if (readSync(file, bytes, 0, length, offset) !== length) throw new Error(`${path} ends before ${offset + length}`);
    return bytes;
  } finally {
    closeSync(file);
  }
};

export interface HandPlan {
  readonly action?: ProbeAction;
  readonly condition?: LoweredExpression;
  /** How the condition reads; a plan has it exactly when it has a condition. */
  readonly conditionText?: string;
  readonly captures?: readonly PlannedCapture[];
  /** Picks the instruction; default: `push %rbp`. The second form makes a tier 2 site. */
  readonly at?: (instruction: Instruction, all: readonly Instruction[]) => boolean;
  readonly tier?: PlannedSite['tier'];
}

/** offsetof(runtime.g, goid) of Go 1.23 to 1.26 on 64-bit machines is 0x98 or 0xa0; readelf's DWARF says which. */
const goidOffset = async (path: string): Promise<number> => {
  const { stdout } = await execa('gdb', ['-batch', '-ex', 'print (long)&((struct runtime.g*)0)->goid', path], {
    reject: false,
  });
  const [, value] = /= (\d+)/.exec(stdout ?? '') ?? [];
  return value === undefined ? 0x98 : Number(value);
};

export const handPlan = async (path: string, name: string, options: HandPlan = {}): Promise<ProbePlan> => {
  const all = await disassembly(path, name);
  const at = options.at ?? ((instruction: Instruction) => instruction.bytes === '55');
  const chosen = all.find((instruction) => at(instruction, all));
  if (chosen === undefined) throw new Error(`${name} has no such instruction`);
  const segment = await segmentOf(path, chosen.address);
  const offset = chosen.address - segment.vaddr + segment.offset;
  const tier = options.tier ?? 1;
  const action = options.action ?? { kind: 'stop' };
  const { stdout: buildId } = await execa('go', ['tool', 'buildid', path]);
  return {
    spec: {
      target: { kind: 'function', name },
      condition: options.conditionText,
      scope: { kind: 'process' },
      action,
      rateLimit: undefined,
    },
    binary: { path, goVersion: undefined, goBuildId: buildId.trim(), gnuBuildId: undefined },
    sites: [
      {
        use: action.kind === 'stop' ? 'stop' : 'log',
        tier,
        function: name,
        file: 'main.go',
        line: chosen.line,
        address: `0x${chosen.address.toString(16)}`,
        offset: `0x${offset.toString(16)}`,
        instruction: chosen.bytes,
        sentinel: tier === 2 ? `0x${(offset + chosen.bytes.length / 2 - 1).toString(16)}` : undefined,
        cost: 0,
        reason: 'chosen by a test',
      },
    ],
    condition: options.condition,
    captures: options.captures ?? [],
    goidOffset: await goidOffset(path),
  };
};
