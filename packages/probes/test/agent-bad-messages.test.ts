/** What comes to an agent is no message of its protocol, or only half of one. */
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { builtCommand } from '../../../test/command.js';

/** Its input stays open, as an editor's would. */
const answerTo = async (bytes: string | Uint8Array, isEnd = false) => {
  const agent = execa(process.execPath, [await builtCommand(), 'agent'], { reject: false, forceKillAfterDelay: 1 });
  agent.stdin.write(bytes);
  if (isEnd) agent.stdin.end();
  const { exitCode, stdout, stderr } = await agent;
  return { exitCode, stdout, stderr };
};

const frame = (body: string): string => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

// A client that is killed while it writes leaves half a message.
it('an input that ends in the middle of a message ends it', async () => {
  const { exitCode, stderr } = await answerTo('Content-Length: 100\r\n\r\n{"jsonrpc":"2.0",', true);
  expect([exitCode, stderr]).toEqual([0, '']);
});

it.each([
  ['a length that is none', 'Content-Length: abc\r\n\r\n', 'its "Content-Length" is "abc", which is no length'],
  [
    'four gigabytes',
    'Content-Length: 4294967296\r\n\r\n{',
    'it announces 4294967296 bytes, and 268435456 is the limit',
  ],
  [
    'lines without CR',
    'Content-Length: 2\n\n{}',
    'a line of its header does not end in CR LF: "Content-Length: 2\\n\\n{}"',
  ],
  ['a list', frame('[{"jsonrpc":"2.0","method":"hello","id":1}]'), 'its body is JSON, but no JSON-RPC message'],
  ['no UTF-8', Buffer.from('Content-Length: 4\r\n\r\n\xff\xfe{}', 'latin1'), 'its body is no JSON: "\ufffd\ufffd{}"'],
])('%s ends it with one sentence', async (_, bytes, why) => {
  expect(await answerTo(bytes)).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `probelens agent: ended, because what came is no message of its protocol: ${why}`,
  });
});
