/** Registers that the compiler recorded before a call, against the calls that Go's own disassembler shows. */
import { type GoBinary, type GoFunction, openGoBinary, virtualAddress } from '@probelens/gosym';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { findDelve } from '../../../../test/delve.js';
import { requirement } from '../../../../test/requirements.js';
import { functionCode } from '../../src/plan/function-code.js';
import { loadPlanner, type Planner } from '../../src/plan/planner.js';
import { doubtedAt } from '../../src/plan/stale.js';
import { createX86 } from '../../src/plan/x86/decode.js';
import { parseProbeText } from '../../src/spec/text.js';

const pattern = /^runtime\.[cms]\w+$/;

/** Addresses of calls of Go code that comes back. */
const callsOf = async (path: string): Promise<readonly number[]> => {
  const { stdout } = await execa('go', ['tool', 'objdump', '-s', pattern.source, path], { maxBuffer: 1 << 28 });
  return stdout.split('\n').flatMap((row) => {
    const [, address, callee = ''] = /\s0x([0-9a-f]+)\s+[0-9a-f]+\s+CALL\s+(.*)$/.exec(row) ?? [];
    const keeps = /^runtime\.(gcWriteBarrier|gopanic|panic|goPanic|throw|fatal|morestack)/.test(callee);
    return address === undefined || keeps ? [] : [Number.parseInt(address, 16)];
  });
};

interface Doubt {
  readonly file: string;
  readonly line: number;
  readonly name: string;
}

const examine = async (binary: GoBinary, calls: readonly number[]) => {
  const x86 = createX86(await import('iced-x86'));
  const doubts: Doubt[] = [];
  let inRegisters = 0;
  const examineFunction = (fn: GoFunction): void => {
    const code = functionCode(binary, x86, fn).code;
    const here = calls.filter((call) => call >= fn.entry && call < fn.entry + fn.size);
    for (const { address: at } of code.instructions) {
      const address = virtualAddress(at);
      const variables = binary.variablesAt(address).value;
      const doubted = doubtedAt(binary, code, variables, address);
      for (const variable of variables) {
        const { since, place, name } = variable;
        if (since === undefined || place.kind !== 'register') continue;
        inRegisters++;
        const passed = here.some((call) => call >= since && call < address);
        expect(doubted.has(variable), `${fn.name} ${address.toString(16)} ${name}`).toBe(passed);
        const [position] = binary.positionsAt(address);
        if (passed && position !== undefined) doubts.push({ file: position.file, line: position.line, name });
      }
    }
  };
  for (const fn of binary.functionsMatching(pattern).slice(0, 200)) examineFunction(fn);
  return { doubts, inRegisters };
};

const planned = (planner: Planner, binary: GoBinary, text: string) => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return planner.plan(parsed.spec, binary);
};

test.skipIf(requirement('delve', 'go').missing)('records with a call in them are doubted', async () => {
  const path = findDelve() ?? '';
  const binary = await openGoBinary(path);
  const planner = await loadPlanner();
  const { doubts, inRegisters } = await examine(binary, await callsOf(path));
  expect(inRegisters).toBeGreaterThan(1000);
  const share = doubts.length / inRegisters;
  expect(share).toBeGreaterThan(0.001);
  expect(share).toBeLessThan(0.2);
  const refused = doubts.find(({ file, line, name }) => {
    const result = planned(planner, binary, `${file}:${line} if ${name} == nil`);
    return !result.ok && result.refusal.code === 'stale-variable';
  });
  expect(refused).toBeDefined();
  if (refused === undefined) return;
  const { file, line, name } = refused;
  const result = planned(planner, binary, `${file}:${line} do log "{${name}}"`);
  expect(result).toMatchObject({
    ok: true,
    plan: {
      captures: [{ shape: { kind: 'unavailable', reason: expect.stringMatching(/record of .* may be stale here/) } }],
    },
  });
  binary.close();
  planner.dispose();
});
