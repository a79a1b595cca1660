/**
 * Starts `dlv dap`, which dials in: one whose adapter is gone before it has come finds nobody and ends by itself. One that
 * listens would wait for ever, and nobody would know of it.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
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
/** Milliseconds. It dials in within a tenth of a second; what is no Delve never does, and nobody hears why. */
const dialPatienceMs = 60_000;
/** From SIGTERM to SIGKILL for one that has not dialled in: it holds no program. */
const abandonedPatienceMs = 1_000;
/** Its last words come with its end; a program that it leaves behind may hold its output open for as long as it runs. */
const lastWordsMs = 1_000;

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

type Child = ReturnType<typeof spawnDelve>;

const lastWords = (child: Child): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, lastWordsMs);
    void child.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Resolves when it is gone, whoever still holds its output: that is read on, and keeps nobody. */
const endOf = async (child: Child): Promise<{ readonly how: string; readonly killed: boolean }> => {
  const gone = once(child, 'exit');
  // One that could not be started has no exit.
  gone.catch(() => undefined);
  await Promise.race([gone, child]);
  await lastWords(child);
  for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
  const { signalCode: signal, exitCode } = child;
  return {
    killed: signal !== null,
    how: signal === null ? `exit code ${exitCode ?? 'unknown'}` : `killed by ${signal}`,
  };
};

/** Throws AdapterError. `onText` gets what Delve prints after it has dialled in. */
export const startDelve = async (
  path: string,
  flags: readonly string[],
  onText: (text: string, stream: 'stdout' | 'stderr') => void,
  abandoned: AbortSignal,
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
  const ended = endOf(child).then((end) => ({ ...end, said: said.trim().split('\n').at(-1) ?? '' }));
  let silent = false;
  const giveUp = (): void => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), abandonedPatienceMs).unref();
  };
  const impatience = setTimeout(() => {
    silent = true;
    giveUp();
  }, dialPatienceMs);
  if (abandoned.aborted) giveUp();
  abandoned.addEventListener('abort', giveUp);
  const first = await Promise.race([dialled, ended]);
  clearTimeout(impatience);
  abandoned.removeEventListener('abort', giveUp);
  server.close();
  isHere = true;
  const { pid } = child;
  if ('how' in first || pid === undefined) {
    if (silent) throw new AdapterError(errors.delveSilent(path, dialPatienceMs / 1000));
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
