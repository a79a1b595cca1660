/**
 * How long a person waits for `probelens help`, and an editor for `probelens dap`, beside node's own start.
 *
 * Method: the bundled command and `node -e 0` in turn, 15 times each, wall clock of the whole process; for the adapter up
 * to the line that says that it listens. Medians.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { builtCommand } from '../command.js';

const rounds = 15;

const milliseconds = (args: readonly string[]): number => {
  const start = process.hrtime.bigint();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with exit code ${status}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
};

/** From the start of the process to its first line. */
const listening = async (command: string): Promise<number> => {
  const start = process.hrtime.bigint();
  const child = spawn(process.execPath, [command, 'dap', '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = await once(child.stdout, 'data');
  const took = Number(process.hrtime.bigint() - start) / 1e6;
  if (!String(line).startsWith('DAP server listening at')) throw new Error(`it said ${String(line)}`);
  child.kill('SIGTERM');
  await exited;
  return took;
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

  it('the adapter listens within 200 ms', async () => {
    const command = await builtCommand();
    const bare: number[] = [];
    const adapter: number[] = [];
    for (let i = 0; i < rounds; i++) {
      bare.push(milliseconds(['-e', '0']));
      adapter.push(await listening(command));
    }
    const [node, ours] = [median(bare), median(adapter)];
    process.stdout.write(`node ${node.toFixed(0)} ms, probelens dap listening ${ours.toFixed(0)} ms\n`);
    expect(ours).toBeLessThan(200);
  });
});
