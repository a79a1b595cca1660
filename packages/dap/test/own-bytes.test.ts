/** Memory and disassembly of code in which the kernel has written: what the file has, as the toolchain disassembles it. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { firstOf, present } from './answers.js';
import { lineOf } from './session-client.js';
import { SessionStage } from './session-stage.js';

const source = join(fixtureSources('diary'), 'main.go');
/** Of the fixture's `code`. */
const length = 200;

interface Instruction {
  readonly address: number;
  readonly bytes: string;
}

/** By `go tool objdump`, which reads the file and nothing else. */
const instructionsOf = async (program: string, name: string): Promise<readonly Instruction[]> => {
  const pattern = `^${name.replaceAll(/[.()*]/g, '\\$&')}$`;
  const { stdout } = await execa('go', ['tool', 'objdump', '-s', pattern, program]);
  return stdout.split('\n').flatMap((row) => {
    const [, address, bytes] = /^\s+\S+:\d+\s+(0x[0-9a-f]+)\s+([0-9a-f]+)\s/.exec(row) ?? [];
    return address === undefined || bytes === undefined ? [] : [{ address: Number(address), bytes }];
  });
};

const inMemory = (pid: number, address: number, length: number): string => {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const bytes = Buffer.alloc(length);
    readSync(memory, bytes, 0, length, address);
    return bytes.toString('hex');
  } finally {
    closeSync(memory);
  }
};

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('code under gates', () => {
  const stage = new SessionStage('bytes');

  it('is shown as it is in the file', async () => {
    const program = await stage.program('diary', { flags: ['-gcflags=all=-N -l'] });
    const client = await stage.launch(program, { args: ['2'] });
    // One gate has a sentinel, one has none; what Delve writes itself it hides itself.
    const breakpoints = [{ line: lineOf(source, 'spent +='), condition: 'before < 0' }];
    const line = (await client.request('setBreakpoints', { source: { path: source }, breakpoints })).breakpoints[0];
    expect(line?.message).toMatch(/^In the kernel/);
    const named = [{ name: 'main.note', condition: 'len(what) == 5' }];
    const entry = (await client.request('setFunctionBreakpoints', { breakpoints: named })).breakpoints[0];
    expect(entry?.message).toMatch(/^In the kernel/);
    await client.ask('configurationDone');
    const { threadId } = (await client.next('stopped')).body;
    const { id: frameId } = firstOf((await client.request('stackTrace', { threadId, levels: 1 })).stackFrames);
    const truth = await instructionsOf(program, 'main.note');
    const start = truth[0]?.address ?? 0;
    const bytes = truth
      .map((each) => each.bytes)
      .join('')
      .slice(0, 2 * length);
    const { pid } = client;
    const live = inMemory(pid, start, length);
    const changed = Array.from({ length }, (_, at) => at).filter(
      (at) => live.substr(2 * at, 2) !== bytes.substr(2 * at, 2),
    );
    expect(changed.length, 'what the kernel has written').toBe(3);
    const expression = '&main.code';
    const { variablesReference } = await client.request('evaluate', { expression, frameId, context: 'watch' });
    const { memoryReference } = firstOf((await client.request('variables', { variablesReference })).variables);
    // All of it; then parts that begin and end at what the kernel has written.
    for (const [offset, count] of [
      [0, length],
      ...changed.map((at) => [at, 1] as const),
      ...changed.map((at) => [at - 2, 3] as const),
      ...changed.map((at) => [at, 5] as const),
    ] as const) {
      const read = await client.request('readMemory', { memoryReference, offset, count });
      const shown = Buffer.from(present(read.data), 'base64').toString('hex');
      expect(shown, `${count} bytes at ${offset}`).toBe(bytes.slice(2 * offset, 2 * (offset + count)));
    }
    const reference = `0x${start.toString(16)}`;
    // Delve takes a covered instruction for two: in the place of the second there is a filler of its own, without bytes.
    const asked = { memoryReference: reference, instructionOffset: 0, instructionCount: truth.length + 4 };
    const { instructions } = await client.request('disassemble', asked);
    const shown = new Map<number, string | undefined>(
      instructions.map(({ address, instructionBytes }) => [Number(address), instructionBytes?.replaceAll(' ', '')]),
    );
    expect(truth.filter(({ address, bytes: own }) => shown.get(address) !== own)).toEqual([]);
  });
});
