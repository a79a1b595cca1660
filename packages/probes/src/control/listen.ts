/** The session's end: a Unix socket that takes requests for probes and tells everyone connected what changed. */
import { chmodSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ResponseError,
  SocketMessageWriter,
} from 'vscode-jsonrpc/node';
import { FrameError } from '../framing.js';
import { controlDirectory, longestSocketPath, openDirectory } from './directory.js';
import { ControlError, isControlError, systemErrorCode } from './error.js';
import { BoundedReader, messageLimit } from './framing.js';
import {
  type AddProbeParams,
  AddProbeRequest,
  ChangedNotification,
  type ControlErrorData,
  type ControlProbe,
  type ControlTimeline,
  controlVersion,
  ListProbesRequest,
  RemoveProbeRequest,
  TimelineRequest,
} from './protocol.js';
import {
  clearStaleSessions,
  type LiveSession,
  newSessionId,
  removeSession,
  type SessionAbout,
  writeRecord,
} from './registry.js';

/** What a session does for those who connect. Throw ControlError to refuse; its message reaches the person. */
export interface ControlHandlers {
  add(params: AddProbeParams): Promise<ControlProbe>;
  remove(id: number): Promise<ControlProbe>;
  list(): Promise<readonly ControlProbe[]>;
  timeline(goroutine: number | undefined): Promise<ControlTimeline>;
}

export interface ListenOptions {
  /** Where the session is registered; the user's own directory by default. */
  readonly directory?: string;
  /** Told of peers that misbehave; nothing to show to a person. */
  readonly onProblem?: (sentence: string) => void;
}

export interface ControlListener {
  readonly session: LiveSession;
  /** Rewrites the session's record, for what becomes known after the start. */
  update(about: Partial<SessionAbout>): void;
  /** Tells every client; those that read slowly get the newest state of each probe, not every step. */
  changed(probes: readonly ControlProbe[]): void;
  /** Removes socket and record, drops the clients. Safe to call twice. */
  close(): Promise<void>;
}

/** A probe text is a line that a person typed. */
const textLimit = 16_384;

const refusal = (error: unknown): ResponseError<ControlErrorData> =>
  isControlError(error)
    ? new ResponseError(-32000, error.message, { code: error.code })
    : new ResponseError(-32001, 'The debug session failed to answer; see its own output for the reason.', {
        code: 'session-failed',
      });

function checkedAdd(params: AddProbeParams): AddProbeParams {
  const { text, where } = params ?? {};
  if (typeof text !== 'string' || text.trim() === '' || text.length > textLimit)
    throw new ControlError('bad-request', 'A probe needs a text such as "main.price do count".');
  const placed = typeof where?.file === 'string' && Number.isSafeInteger(where.line);
  return placed ? { text, where: { file: where.file, line: where.line } } : { text };
}

function checkedId(id: unknown): number {
  if (typeof id === 'number' && Number.isSafeInteger(id)) return id;
  throw new ControlError('bad-request', 'A probe is removed by its number; ask for the list to see them.');
}

function checkedGoroutine(id: unknown): number | undefined {
  if (id === undefined || id === null) return undefined;
  if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0) return id;
  throw new ControlError('bad-request', 'A goroutine is meant by its number, such as 19.');
}

/** Entries carry captured texts: the latest that fit a message, with room for its envelope. */
const timelineLimit = messageLimit / 2;

/** The latest entries within `limit` bytes; those before count as dropped. */
function fittingTimeline({ entries, dropped }: ControlTimeline, limit = timelineLimit): ControlTimeline {
  let first = entries.length;
  for (let left = limit; first > 0; first--) {
    left -= Buffer.byteLength(JSON.stringify(entries[first - 1])) + 1;
    if (left < 0) break;
  }
  return { entries: entries.slice(first), dropped: dropped + first };
}

/** The last that a peer hears whose bytes are no messages; the standard's answer where no request can be named. */
const refuseBytes = (socket: Socket, error: FrameError): void => {
  const message = `The debug session reads JSON-RPC messages, and this was none: ${error.message}.`;
  const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: ErrorCodes.ParseError, message } });
  socket.end(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, () => socket.destroy());
};

/**
 * One client. While a notification is on its way, later ones are merged by probe: a client that reads slowly or not at
 * all costs one entry per probe, and when it reads it sees the newest counts.
 */
class Peer {
  private readonly connection: MessageConnection;
  private unsent = new Map<number, ControlProbe>();
  private sending = false;

  constructor(
    readonly socket: Socket,
    handlers: ControlHandlers,
    private readonly problem: (sentence: string) => void,
  ) {
    this.connection = createMessageConnection(
      new BoundedReader({ stream: socket, limit: messageLimit }),
      new SocketMessageWriter(socket),
    );
    this.connection.onRequest(AddProbeRequest, (params) => this.answer(() => handlers.add(checkedAdd(params))));
    this.connection.onRequest(RemoveProbeRequest, (params) =>
      this.answer(() => handlers.remove(checkedId(params?.id))),
    );
    this.connection.onRequest(ListProbesRequest, () => this.answer(() => handlers.list()));
    this.connection.onRequest(TimelineRequest, (params) =>
      this.answer(async () => fittingTimeline(await handlers.timeline(checkedGoroutine(params?.goroutine)))),
    );
    this.connection.onError(([error]) => {
      problem(`a control connection broke: ${error.message}`);
      if (error instanceof FrameError) refuseBytes(socket, error);
      else socket.destroy();
    });
    this.connection.listen();
  }

  private async answer<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isControlError(error)) this.problem(`a control request failed: ${String(error)}`);
      throw refusal(error);
    }
  }

  tell(probes: readonly ControlProbe[]): void {
    for (const probe of probes) this.unsent.set(probe.id, probe);
    if (!this.sending) void this.flush();
  }

  private async flush(): Promise<void> {
    this.sending = true;
    try {
      while (this.unsent.size > 0 && !this.socket.destroyed) {
        const probes = [...this.unsent.values()];
        this.unsent = new Map();
        await this.connection.sendNotification(ChangedNotification, { probes });
      }
    } catch (error) {
      this.problem(`a control client went away: ${String(error)}`);
    } finally {
      this.sending = false;
    }
  }

  dispose(): void {
    this.connection.dispose();
  }
}

async function openSocket(path: string, onPeer: (socket: Socket) => void) {
  const server = createServer(onPeer);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new ControlError(
          'no-socket',
          `The control socket ${path} cannot be opened (${systemErrorCode(error) ?? error.message}); ` +
            'set XDG_RUNTIME_DIR to a directory of yours.',
          { cause: error },
        ),
      ),
    );
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  // The session ends when its client goes, not when the last control client does.
  server.unref();
  return server;
}

const unlessSystemError = (write: () => void, problem: (sentence: string) => void): void => {
  try {
    write();
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    problem(`the session's record cannot be written: ${String(error)}`);
  }
};

/**
 * Registers this process as a live session and serves its socket.
 * Throws ControlError: "unsafe-directory", "no-directory", "no-socket".
 */
export async function listenControl(
  handlers: ControlHandlers,
  about: SessionAbout = { binary: undefined, workspace: undefined },
  options: ListenOptions = {},
): Promise<ControlListener> {
  const directory = openDirectory(options.directory ?? controlDirectory());
  await clearStaleSessions(directory);
  const problem = options.onProblem ?? (() => undefined);
  const id = newSessionId();
  const socketPath = join(directory, `${id}.sock`);
  if (Buffer.byteLength(socketPath) > longestSocketPath)
    throw new ControlError(
      'no-socket',
      `${socketPath} is longer than the ${longestSocketPath} bytes of a socket's path; set XDG_RUNTIME_DIR to a shorter directory.`,
    );
  const peers = new Map<Socket, Peer>();
  const server = await openSocket(socketPath, (socket) => {
    socket.unref();
    socket.on('error', (error) => problem(`a control client broke off: ${error.message}`));
    socket.once('close', () => {
      peers.get(socket)?.dispose();
      peers.delete(socket);
    });
    peers.set(socket, new Peer(socket, handlers, problem));
  });
  let session: LiveSession = {
    version: controlVersion,
    id,
    pid: process.pid,
    socket: socketPath,
    startedAt: Date.now(),
    ...about,
  };
  try {
    writeRecord(directory, session);
  } catch (error) {
    // Nobody could find it. Closing removes the socket's file.
    server.close();
    throw new ControlError(
      'no-directory',
      `This session cannot be registered in ${directory} (${systemErrorCode(error) ?? String(error)}), so that language servers do not find it; set XDG_RUNTIME_DIR to a directory of yours with room for a file.`,
      { cause: error },
    );
  }
  let closing: Promise<void> | undefined;

  const close = (): Promise<void> => {
    closing ??= new Promise((resolve) => {
      unlessSystemError(() => removeSession(directory, id), problem);
      for (const socket of peers.keys()) socket.destroy();
      server.close(() => resolve());
    });
    return closing;
  };
  return {
    get session() {
      return session;
    },
    update(change) {
      if (closing !== undefined) return;
      session = { ...session, ...change };
      // The session goes on as it is known; a full disk must not end it.
      unlessSystemError(() => writeRecord(directory, session), problem);
    },
    changed(probes) {
      for (const peer of peers.values()) peer.tell(probes);
    },
    close,
  };
}
