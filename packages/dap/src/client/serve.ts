/** The adapter as a server: on stdin and stdout for one session, or on a TCP port for as many as come. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { DapOptions } from '../options.js';
import { Session } from '../session.js';
import { isSameUser } from './peer.js';
import { watchStarter } from './starter.js';

export interface StdioOptions extends DapOptions {
  readonly input?: Readable;
  readonly output?: Writable;
}

/** Resolves when the session is over and nothing of it is left. */
export const serveStdio = async (options: StdioOptions): Promise<void> => {
  const input = options.input ?? process.stdin;
  const session = new Session(input, options.output ?? process.stdout, options);
  const stop = endOnSignals(() => session.end());
  await session.finished;
  stop();
  // A client that keeps its end open must not keep us.
  input.destroy();
};

export interface TcpOptions extends DapOptions {
  readonly host?: string;
  readonly port: number;
  /** Only tests need to be let in as somebody else. */
  readonly acceptOtherUsers?: boolean;
}

export interface TcpServer {
  readonly host: string;
  readonly port: number;
  /** Ends every session in order; resolves when nothing is left. */
  close(): Promise<void>;
  /**
   * Resolves after `close`, or after SIGTERM, SIGINT or SIGHUP has done the same, or the last session's end when whoever
   * started this process is gone and nobody reads its stdout.
   */
  readonly closed: Promise<void>;
}

const listening = async (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** Milliseconds for what was said last to be read. */
const lingerMs = 5_000;

/** Rejects with the system's error when the port is taken. */
export const serveTcp = async (options: TcpOptions): Promise<TcpServer> => {
  const host = options.host ?? '127.0.0.1';
  const sessions = new Set<Session>();
  let starterGone = false;
  const accept = (socket: Socket): void => {
    socket.on('error', () => socket.destroy());
    if (options.acceptOtherUsers !== true && !isSameUser(socket)) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const session = new Session(socket, socket, options);
    sessions.add(session);
    void session.finished.then(() => {
      sessions.delete(session);
      socket.end();
      // A client that keeps its end open must not keep us.
      setTimeout(() => socket.destroy(), lingerMs).unref();
      if (starterGone && sessions.size === 0) void close();
    });
  };
  // Half open: a client that has said its last word still gets the answers.
  const server = createServer({ allowHalfOpen: true }, accept);
  await listening(server, options.port, host);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  let done: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    done = resolve;
  });
  const close = async (): Promise<void> => {
    stop();
    server.close();
    for (const session of sessions) session.end();
    await Promise.all([...sessions].map((session) => session.finished));
    done();
  };
  const leaveSignals = endOnSignals(() => void close());
  const leaveStarter = watchStarter({ output: process.stdout, parent: () => process.ppid }, () => {
    starterGone = true;
    if (sessions.size === 0) void close();
  });
  const stop = (): void => {
    leaveSignals();
    leaveStarter();
  };
  return { host, port: address.port, close, closed };
};

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Gates must be out before this process is: a signal begins the orderly end. */
const endOnSignals = (end: () => void): (() => void) => {
  for (const signal of signals) process.on(signal, end);
  return () => {
    for (const signal of signals) process.off(signal, end);
  };
};
