/** The command line of the agent. */
import { once } from 'node:events';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { protocolVersion } from '../src/agent/protocol.js';
import { startAgent } from '../src/client/client.js';
import { agentCommand } from '../src/client/command.js';
import { AgentProcess } from '../src/client/process.js';

const program = [process.execPath, 'probelens.js', 'agent'];

test('this node is told to keep its memory small, whoever starts it', () => {
  const [file, ...rest] = agentCommand(program, true);
  expect(file).toBe(process.execPath);
  expect(rest.slice(-2)).toEqual(['probelens.js', 'agent']);
  expect(rest).toContain('--max-semi-space-size=1');
  expect(agentCommand(program, false)).toEqual(['sudo', '-n', file, ...rest]);
});

test('another program gets no flags that it may not know', () => {
  expect(agentCommand(['/opt/probelens', 'agent'], true)).toEqual(['/opt/probelens', 'agent']);
});

test('node takes every flag, and takes it for one of its own', async () => {
  const [file = '', ...rest] = agentCommand([process.execPath, '-e', 'console.log(process.argv.length)'], true);
  const { stdout, stderr } = await execa(file, rest);
  expect([stdout, stderr]).toEqual(['1', '']);
});

test('an agent that answers that it cannot even say who it is is heard at once', async () => {
  const answer = {
    jsonrpc: '2.0',
    id: 0,
    error: { code: -31000, message: 'a part of it is missing', data: { code: 'internal' } },
  };
  const body = JSON.stringify(answer);
  const script = `process.stdin.once('data', () => process.stdout.write(${JSON.stringify(`Content-Length: ${body.length}\r\n\r\n${body}`)}))`;
  const started = startAgent({ command: [process.execPath, '-e', script], helloTimeoutMs: 600_000 });
  await expect(started).rejects.toMatchObject({ code: 'internal', message: 'a part of it is missing' });
});

const framed = (body: object): string => {
  const text = JSON.stringify({ jsonrpc: '2.0', ...body });
  return `Content-Length: ${text.length}\r\n\r\n${text}`;
};

test('what a shell prints before the agent is no silence: it is said at once, and what to do', async () => {
  const script = "process.stdout.write('Welcome to db1!\\n'); setInterval(() => 0, 1000);";
  const started = startAgent({ command: [process.execPath, '-e', script], helloTimeoutMs: 600_000 });
  await expect(started).rejects.toMatchObject({
    code: 'agent-garbled',
    message: expect.stringMatching(/is not the probe agent's: .*"Welcome to db1!.*; run it by hand/),
  });
});

test('an agent that says what is no message later is ended, and whoever waits for it hears why', async () => {
  const hello = framed({ id: 0, result: { protocol: protocolVersion, capable: true } });
  const script = `
    const answers = [${JSON.stringify(hello)}, 'Content-Length: abc\\r\\n\\r\\n'];
    process.stdin.on('data', () => process.stdout.write(answers.shift() ?? ''));`;
  const client = await startAgent({ command: [process.execPath, '-e', script] });
  const closed = new Promise((resolve) => client.onClosed(resolve));
  await expect(client.counters()).rejects.toMatchObject({ code: 'agent-garbled' });
  expect(await closed).toMatchObject({ message: expect.stringContaining('"Content-Length" is "abc"') });
});

test('one that is told to end is killed when it does nothing, and left to finish what it is at', async () => {
  const ready = "process.stdout.write('ready');";
  const ended = async (script: string): Promise<string> => {
    const agent = new AgentProcess([process.execPath, '-e', ready + script], undefined);
    agent.greeted = true;
    await once(agent.output, 'data');
    await agent.end(0);
    return (await agent.ended).message;
  };
  expect(await ended('setInterval(() => 0, 1000)')).toMatch(/killed by SIGKILL/);
  expect(await ended('for (const end = Date.now() + 800; Date.now() < end; ); process.exit(7)')).toMatch(/exit code 7/);
});
