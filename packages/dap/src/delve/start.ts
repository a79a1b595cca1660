/**
 * Starts `dlv dap`, which dials in: one whose adapter is gone before it has come finds nobody and ends by itself. One that
 * listens would wait for ever, and nobody would know of it.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { execa } from 'execa';
import { isSameUser } from '../client/peer.js';
import { AdapterError, errors } from '../errors.js';

export interface DelveProcess {
  readonly pid: number;
  /** Delve's end of it speaks when it is spoken to. */
  readonly socket: Socket;
  /** What it prints itself, for the debug console. The program's own output comes as DAP events. */
  readonly streams: { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream };
  readonly ended: Promise<{ readonly how: string; readonly killed: boolean; readonly said: string }>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

const rememberedBytes = 4_000;
const host = '127.0.0.1';

const spawnDelve = (path: string, port: number, flags: readonly string[]) =>
  // A session of its own: Ctrl-C in the terminal of the adapter must not take Delve before the gates are out.
  execa(path, ['dap', `--client-addr=${host}:${port}`, ...flags], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
  });

const isAddress = (address: string | AddressInfo | null): address is AddressInfo =>
  typeof address === 'object' && address !== null;

/** The first of this user's to come is Delve: nobody else was told the port. */
const firstPeer = (server: Server): Promise<Socket> =>
  new Promise((resolve) => {
    server.on('connection', (socket) => {
      if (!server.listening || !isSameUser(socket)) {
        socket.destroy();
        return;
      }
      server.close();
      resolve(socket);
    });
  });

/** Throws AdapterError. `onText` gets what Delve prints after it has dialled in. */
export const startDelve = async (
  path: string,
  flags: readonly string[],
  onText: (text: string, stream: 'stdout' | 'stderr') => void,
): Promise<DelveProcess> => {
  const server = createServer({ noDelay: true });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const dialled = firstPeer(server);
  const child = spawnDelve(path, isAddress(address) ? address.port : 0, flags);
  let said = '';
  let isHere = false;
  const listen = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
    const text = chunk.toString('utf8');
    said = (said + text).slice(-rememberedBytes);
    if (isHere) onText(text, stream);
  };
  child.stdout.on('data', listen('stdout'));
  child.stderr.on('data', listen('stderr'));
  const ended = child.then((result) => ({
    killed: result.signal !== undefined,
    how: result.signal === undefined ? `exit code ${result.exitCode ?? 'unknown'}` : `killed by ${result.signal}`,
    said: said.trim().split('\n').at(-1) ?? '',
  }));
  const first = await Promise.race([dialled, ended]);
  server.close();
  isHere = true;
  const { pid } = child;
  if ('how' in first || pid === undefined) {
    throw new AdapterError(errors.delveDidNotStart(path, 'said' in first ? first.said : ''));
  }
  return {
    pid,
    socket: first,
    streams: { stdout: child.stdout, stderr: child.stderr },
    ended,
    kill: (signal) => {
      child.kill(signal);
    },
  };
};
