import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { builtCommand, runCommand } from '../../../test/command.js';

const initialize = JSON.stringify({
  seq: 1,
  type: 'request',
  command: 'initialize',
  arguments: { adapterID: 'probelens', clientID: 'test' },
});
const framed = `Content-Length: ${Buffer.byteLength(initialize)}\r\n\r\n${initialize}`;

describe('dap', () => {
  it('listens where it is told, in the words of `dlv dap`, and ends in order on SIGTERM', async () => {
    const server = execa(process.execPath, [await builtCommand(), 'dap', '--listen', 'localhost:0'], {
      stdin: 'ignore',
    });
    const [line] = await new Promise<readonly string[]>((resolve) =>
      createInterface({ input: server.stdout }).once('line', (text) => resolve([text])),
    );
    const port = /^DAP server listening at: localhost:(\d+)$/.exec(line ?? '')?.[1];
    const client = createConnection({ host: 'localhost', port: Number(port) });
    client.write(framed);
    const answer = await new Promise<string>((resolve) => client.once('data', (data) => resolve(data.toString())));
    expect(answer).toContain('"command":"initialize"');
    client.destroy();
    server.kill('SIGTERM');
    expect((await server).exitCode).toBe(0);
  });

  it('serves one session on stdin and stdout and ends with it', async () => {
    const run = await execa(process.execPath, [await builtCommand(), 'dap'], { input: framed });
    expect(run.stdout).toContain('"command":"initialize"');
    expect(run.exitCode).toBe(0);
  });

  it.each([
    { args: ['--listen', 'here'], says: '--listen "here" is not HOST:PORT; for example --listen 127.0.0.1:38697.' },
    { args: ['--listen', ':70000'], says: '--listen ":70000" is not HOST:PORT; for example --listen 127.0.0.1:38697.' },
    { args: ['--kernel', 'maybe'], says: '--kernel "maybe" must be auto or off.' },
  ])('answers wrong usage: $args', async ({ args, says }) => {
    const { exitCode, stderr } = await runCommand(['dap', ...args]);
    expect(exitCode).toBe(2);
    expect(stderr.split('\n')[0]).toBe(`probelens: ${says}`);
  });
});
