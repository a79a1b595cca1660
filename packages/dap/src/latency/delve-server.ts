/**
 * The program that is looked at: Delve itself, waiting for an editor. Whoever debugs Go has it; it is a large Go program;
 * and each request that it is sent passes one function and makes one system call, when we want it.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { execa } from 'execa';
import { Decoder, encode } from '../delve/framing.js';
import { LatencyError } from './latency-error.js';
import { within } from './patience.js';

/** Passed once for each request (Delve >= 1.22, service/dap/server.go). */
export const requestFunction = 'github.com/go-delve/delve/service/dap.(*Session).handleRequest';

/** What it answers with: one write of a few hundred bytes; the runtime's own wake-ups are eight bytes long. */
export const answerCall = 'tracepoint:syscalls:sys_enter_write if count > 50 do log';

const start = (path: string) =>
  execa(path, ['dap', '--listen=127.0.0.1:0'], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
    buffer: false,
    reject: false,
  });

const addressLine = /listening at: 127\.0\.0\.1:(\d+)/;

const portOf = async (child: ReturnType<typeof start>, path: string): Promise<number> => {
  let said = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    const port = addressLine.exec(said)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new LatencyError(`${path} dap ended before it was listening; name another Delve with --delve PATH.`);
};

export class DelveServer {
  readonly pid: number;
  readonly #child: ReturnType<typeof start>;
  readonly #socket: Socket;
  #answered: () => void = () => undefined;
  #seq = 0;

  private constructor(child: ReturnType<typeof start>, socket: Socket) {
    this.pid = child.pid ?? 0;
    this.#child = child;
    this.#socket = socket;
    const decoder = new Decoder();
    socket.on('data', (chunk: Buffer) => {
      for (const _ of decoder.push(chunk)) this.#answered();
    });
    // Its death is told by the answer that does not come.
    socket.on('error', () => undefined);
  }

  /** Rejects with a sentence. */
  static async start(path: string): Promise<DelveServer> {
    const child = start(path);
    try {
      const port = await within(portOf(child, path), "Delve's address");
      child.stdout.resume();
      const socket = connect(port, '127.0.0.1').setNoDelay(true);
      await once(socket, 'connect');
      return new DelveServer(child, socket);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Sends one request; resolves with its answer. */
  poke(): Promise<void> {
    this.#seq += 1;
    const args = { adapterID: 'probelens', pathFormat: 'path', linesStartAt1: true, columnsStartAt1: true };
    this.#socket.write(encode({ seq: this.#seq, type: 'request', command: 'initialize', arguments: args }));
    return within(
      new Promise((resolve) => {
        this.#answered = resolve;
      }),
      "Delve's answer",
    );
  }

  async end(): Promise<void> {
    this.#socket.destroy();
    this.#child.kill('SIGKILL');
    await this.#child;
  }
}
