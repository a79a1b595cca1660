/**
 * How long a person waits for `probelens help`, beside node's own start.
 *
 * Method: the bundled command and `node -e 0` in turn, 15 times each, wall clock of the whole process; medians.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { builtCommand } from '../command.js';

const rounds = 15;

const milliseconds = (args: readonly string[]): number => {
  const start = process.hrtime.bigint();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with exit code ${status}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
};

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

describe('startup', () => {
  it('help costs little more than node itself and far less than 150 ms', async () => {
    const command = await builtCommand();
    const bare: number[] = [];
    const help: number[] = [];
    for (let i = 0; i < rounds; i++) {
      bare.push(milliseconds(['-e', '0']));
      help.push(milliseconds([command, 'help']));
    }
    process.stdout.write(`node ${median(bare).toFixed(0)} ms, probelens help ${median(help).toFixed(0)} ms\n`);
    expect(median(help)).toBeLessThan(150);
    expect(median(help) - median(bare)).toBeLessThan(60);
  });
});
