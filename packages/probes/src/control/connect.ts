/** The other end: a typed client of one live session. */
import { connect, type Socket } from 'node:net';
import {
  createMessageConnection,
  ErrorCodes,
  type MessageConnection,
  ResponseError,
  SocketMessageWriter,
} from 'vscode-jsonrpc/node';
import { ControlError } from './error.js';
import { BoundedReader, messageLimit } from './framing.js';
import {
  type AddProbeParams,
  AddProbeRequest,
  ChangedNotification,
  type ControlProbe,
  type ControlTimeline,
  ListProbesRequest,
  RemoveProbeRequest,
  TimelineRequest,
} from './protocol.js';
import type { LiveSession } from './registry.js';

export interface ControlClient {
  readonly session: LiveSession;
  /** Each rejects with ControlError: the session's refusal, "session-gone" or "session-silent". */
  add(params: AddProbeParams): Promise<ControlProbe>;
  remove(id: number): Promise<ControlProbe>;
  list(): Promise<readonly ControlProbe[]>;
  /** @param goroutine only what this one did. */
  timeline(goroutine?: number): Promise<ControlTimeline>;
  onChanged(listener: (probes: readonly ControlProbe[]) => void): void;
  /** Once, whoever closed; at once when it is closed already. */
  onClosed(listener: () => void): void;
  dispose(): void;
}

export interface ConnectOptions {
  /** Milliseconds that a session may take to answer; arming a probe takes about ten. */
  readonly patience?: number;
}

const defaultPatience = 10_000;

const gone = (session: LiveSession, cause?: unknown): ControlError =>
  new ControlError('session-gone', `The debug session (process ${session.pid}) has ended; start it again.`, { cause });

const silent = (session: LiveSession, patience: number): ControlError =>
  new ControlError(
    'session-silent',
    `The debug session (process ${session.pid}) did not answer within ${patience / 1000} s; end it and start it again.`,
  );

/** What a request fails with: vscode-jsonrpc gives a failed write and a closed connection as responses, too. */
function failureOf(error: unknown, session: LiveSession): ControlError {
  const local: readonly number[] = [ErrorCodes.MessageWriteError, ErrorCodes.PendingResponseRejected];
  if (!(error instanceof ResponseError) || local.includes(error.code)) return gone(session, error);
  if (error.code === ErrorCodes.MethodNotFound)
    return new ControlError(
      'session-older',
      `The debug session (process ${session.pid}) is of an older version and cannot do this; end it and start it again.`,
      { cause: error },
    );
  return new ControlError(codeOf(error), error.message);
}

const codeOf = (error: ResponseError<unknown>): string => {
  const { data } = error;
  return typeof data === 'object' && data !== null && 'code' in data && typeof data.code === 'string'
    ? data.code
    : 'session-failed';
};

const dial = (session: LiveSession): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(session.socket);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => reject(gone(session, error)));
  });

/** Runs requests with a deadline, and fails them all when the socket closes. */
class Caller {
  private readonly waiting = new Set<(error: ControlError) => void>();

  constructor(
    private readonly session: LiveSession,
    private readonly patience: number,
  ) {}

  call<T>(send: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.waiting.delete(fail);
      };
      const fail = (error: ControlError): void => {
        end();
        reject(error);
      };
      const timer = setTimeout(() => fail(silent(this.session, this.patience)), this.patience);
      this.waiting.add(fail);
      send().then(
        (value) => {
          end();
          resolve(value);
        },
        (error: unknown) => fail(failureOf(error, this.session)),
      );
    });
  }

  failAll(): void {
    for (const fail of [...this.waiting]) fail(gone(this.session));
  }
}

/** Throws ControlError "session-gone" when nothing listens there any more. */
export async function connectControl(session: LiveSession, options: ConnectOptions = {}): Promise<ControlClient> {
  const socket = await dial(session);
  const connection: MessageConnection = createMessageConnection(
    new BoundedReader({ stream: socket, limit: messageLimit }),
    new SocketMessageWriter(socket),
  );
  const caller = new Caller(session, options.patience ?? defaultPatience);
  const closedListeners: (() => void)[] = [];
  const changedListeners: ((probes: readonly ControlProbe[]) => void)[] = [];
  let closed = false;
  socket.removeAllListeners('error');
  // 'close' always follows, and that is what listeners are told.
  socket.on('error', () => undefined);
  socket.once('close', () => {
    closed = true;
    caller.failAll();
    connection.dispose();
    for (const listener of closedListeners.splice(0)) listener();
  });
  connection.onNotification(ChangedNotification, ({ probes }) => {
    for (const listener of changedListeners) listener(probes);
  });
  // A message that is none ends the connection in the reader; 'close' tells.
  connection.onError(() => socket.destroy());
  connection.listen();

  const request = <T>(send: () => Promise<T>): Promise<T> =>
    closed ? Promise.reject(gone(session)) : caller.call(send);
  return {
    session,
    add: (params) => request(() => connection.sendRequest(AddProbeRequest, params)),
    remove: (id) => request(() => connection.sendRequest(RemoveProbeRequest, { id })),
    list: () => request(() => connection.sendRequest(ListProbesRequest)),
    timeline: (goroutine) => request(() => connection.sendRequest(TimelineRequest, { goroutine })),
    onChanged: (listener) => {
      changedListeners.push(listener);
    },
    onClosed: (listener) => {
      if (closed) listener();
      else closedListeners.push(listener);
    },
    dispose: () => {
      socket.destroy();
    },
  };
}
