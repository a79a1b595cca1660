/** A client that is killed while it writes leaves half a message in the agent's input. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { builtCommand } from '../../../test/command.js';

it('ends when its input ends in the middle of a message', { timeout: 20_000 }, async () => {
  const agent = spawn(process.execPath, [await builtCommand(), 'agent'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const exited = once(agent, 'exit');
  agent.stdin.end('Content-Length: 100\r\n\r\n{"jsonrpc":"2.0",');
  try {
    expect((await exited)[0]).toBe(0);
  } finally {
    agent.kill('SIGKILL');
  }
});
