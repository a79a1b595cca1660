/** A running program's code beside that of its file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { changedPlaces } from '../src/kernel/live-text.js';

/** Code of the process's program, and the same bytes in its file. */
const codeOf = (pid: number): { readonly address: number; readonly bytes: Buffer } => {
  const line = readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .find((each) => / r-xp .*\/node/.test(each));
  const [, start = '', offset = ''] = /^([0-9a-f]+)-\S+ r-xp ([0-9a-f]+)/.exec(line ?? '') ?? [];
  const bytes = Buffer.alloc(16);
  const file = openSync(`/proc/${pid}/exe`, 'r');
  readSync(file, bytes, 0, bytes.length, Number.parseInt(offset, 16));
  closeSync(file);
  return { address: Number.parseInt(start, 16), bytes };
};

describe.skipIf(requirement('kernel').missing)('the code of a running program', () => {
  it('is compared with that of its file, byte by byte', async () => {
    const program = spawn(process.execPath, ['-e', 'process.stdout.write("here"); process.stdin.resume();']);
    try {
      await once(program.stdout, 'data');
      const pid = program.pid ?? 0;
      const { address, bytes } = codeOf(pid);
      const places = [0, 4, 8].map((at) => ({
        address: BigInt(address + at),
        bytes: bytes.subarray(at, at + 4).toString('hex'),
      }));
      expect(changedPlaces(pid, places)).toEqual([]);
      // The last byte of the second place: where a sentinel would be.
      const memory = openSync(`/proc/${pid}/mem`, 'r+');
      writeSync(memory, Buffer.of((bytes[7] ?? 0) ^ 0xff), 0, 1, address + 7);
      closeSync(memory);
      expect(changedPlaces(pid, places)).toEqual([1]);
      // What is not mapped says nothing of the others.
      expect(changedPlaces(pid, [{ address: 8n, bytes: '55' }, ...places])).toEqual([2]);
      program.kill('SIGKILL');
      await once(program, 'exit');
      expect(changedPlaces(pid, places)).toEqual([]);
    } finally {
      program.kill('SIGKILL');
    }
  });
});
