/** The server's end of the worker thread. A worker that dies is started again at the next question. */
import { Worker } from 'node:worker_threads';
import {
  createMessageConnection,
  type MessageConnection,
  PortMessageReader,
  PortMessageWriter,
  ResponseError,
} from 'vscode-languageserver/node';
import {
  type BinarySummary,
  type CallsParams,
  CallsRequest,
  type Candidate,
  CloseRequest,
  type ClosuresParams,
  ClosuresRequest,
  type DescribeParams,
  DescribeRequest,
  type DiscoverParams,
  DiscoverRequest,
  type FunctionBody,
  type FunctionDescription,
  type InlinedCall,
  type JudgedProbe,
  type JudgeParams,
  JudgeRequest,
  type LookupAnswer,
  type LookupParams,
  LookupRequest,
  OpenRequest,
  ProgressNotification,
} from './protocol.js';
import { workerLocation } from './worker-location.js';

export interface ReadingProgress {
  readonly path: string;
  readonly percentage: number;
  readonly message: string;
}

/** Why a binary cannot be used, in a sentence. `code` "changed" means: look again. */
export class BinaryFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'BinaryFailure';
  }
}

const failureOf = (error: unknown): BinaryFailure => {
  if (error instanceof BinaryFailure) return error;
  if (!(error instanceof ResponseError))
    return new BinaryFailure('worker-gone', `The reader of binaries ended: ${error}`);
  const data: unknown = error.data;
  const code = typeof data === 'object' && data !== null && 'code' in data ? String(data.code) : 'failed';
  return new BinaryFailure(code, error.message);
};

/** Megabytes of JavaScript heap for the worker: tables of a 50 MB binary take about 150. */
const workerHeap = 1024;

export class BinaryReader {
  private worker: { readonly thread: Worker; readonly connection: MessageConnection } | undefined;

  constructor(private readonly onProgress: (progress: ReadingProgress) => void) {}

  prepare(): void {
    this.worker ??= this.start();
  }

  open(path: string): Promise<BinarySummary> {
    return this.ask((connection) => connection.sendRequest(OpenRequest, { path }));
  }

  lookup(params: LookupParams): Promise<LookupAnswer> {
    return this.ask((connection) => connection.sendRequest(LookupRequest, params));
  }

  calls(params: CallsParams): Promise<readonly InlinedCall[]> {
    return this.ask((connection) => connection.sendRequest(CallsRequest, params));
  }

  closures(params: ClosuresParams): Promise<readonly FunctionBody[]> {
    return this.ask((connection) => connection.sendRequest(ClosuresRequest, params));
  }

  describe(params: DescribeParams): Promise<readonly FunctionDescription[]> {
    return this.ask((connection) => connection.sendRequest(DescribeRequest, params));
  }

  judge(params: JudgeParams): Promise<readonly JudgedProbe[]> {
    return this.ask((connection) => connection.sendRequest(JudgeRequest, params));
  }

  discover(params: DiscoverParams): Promise<readonly Candidate[]> {
    return this.ask((connection) => connection.sendRequest(DiscoverRequest, params));
  }

  close(path: string): Promise<void> {
    return this.ask((connection) => connection.sendRequest(CloseRequest, { path }));
  }

  /** Whatever goes wrong is a BinaryFailure. */
  private async ask<T>(send: (connection: MessageConnection) => Promise<T>): Promise<T> {
    this.worker ??= this.start();
    const { connection } = this.worker;
    // A worker that dies never answers: its end fails what it was asked.
    let onEnd: (() => void) | undefined;
    const ended = new Promise<never>((_, reject) => {
      onEnd = () => reject(new BinaryFailure('worker-gone', 'The reader of binaries ended; ask again.'));
      this.endings.add(onEnd);
    });
    try {
      return await Promise.race([send(connection), ended]);
    } catch (error) {
      throw failureOf(error);
    } finally {
      if (onEnd !== undefined) this.endings.delete(onEnd);
    }
  }

  private readonly endings = new Set<() => void>();

  private start() {
    const thread = new Worker(workerLocation(), { resourceLimits: { maxOldGenerationSizeMb: workerHeap } });
    const connection = createMessageConnection(new PortMessageReader(thread), new PortMessageWriter(thread));
    connection.onNotification(ProgressNotification, this.onProgress);
    connection.listen();
    const gone = (): void => {
      if (this.worker?.thread === thread) this.worker = undefined;
      for (const end of [...this.endings]) end();
      connection.dispose();
    };
    thread.once('error', gone);
    thread.once('exit', gone);
    return { thread, connection };
  }

  async dispose(): Promise<void> {
    await this.worker?.thread.terminate();
  }
}
