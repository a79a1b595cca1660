/** The worker thread: reads binaries and answers questions about them, so that no keystroke waits for either. */
import { statSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { openGoBinary } from '@probelens/gosym';
import {
  createMessageConnection,
  PortMessageReader,
  PortMessageWriter,
  ResponseError,
} from 'vscode-languageserver/node';
import { BinaryIndex } from './binary-index.js';
import { describeFunctions } from './describe.js';
import { discover, isTestProgram } from './discover.js';
import { judgeProbes } from './judge.js';
import {
  type BinarySummary,
  CallsRequest,
  CloseRequest,
  ClosuresRequest,
  DescribeRequest,
  DiscoverRequest,
  type FileIdentity,
  JudgeRequest,
  LookupRequest,
  OpenRequest,
  ProgressNotification,
  type WorkerErrorData,
} from './protocol.js';

interface OpenBinary {
  readonly summary: BinarySummary;
  readonly index: BinaryIndex;
}

/** Binaries held open: each costs tens of megabytes, and a workspace rarely looks through more at a time. */
const openLimit = 4;

if (parentPort === null) throw new Error('this file runs as a worker thread of the language server');
const connection = createMessageConnection(new PortMessageReader(parentPort), new PortMessageWriter(parentPort));
const binaries = new Map<string, OpenBinary>();

const refuse = (code: string, message: string): ResponseError<WorkerErrorData> =>
  new ResponseError(-32000, message, { code });

const identityOf = (path: string): FileIdentity => {
  const { ino, size, mtimeMs } = statSync(path);
  return { inode: ino, size, modified: mtimeMs };
};

const same = (a: FileIdentity, b: FileIdentity): boolean =>
  a.inode === b.inode && a.size === b.size && a.modified === b.modified;

function close(path: string): void {
  binaries.get(path)?.index.binary.close();
  binaries.delete(path);
}

async function open(path: string): Promise<BinarySummary> {
  const identity = identityOf(path);
  const known = binaries.get(path);
  if (known !== undefined && same(known.summary.identity, identity)) return known.summary;
  const tell = (percentage: number, message: string): void =>
    void connection.sendNotification(ProgressNotification, { path, percentage, message });
  tell(0, 'reading tables');
  const binary = await openGoBinary(path);
  try {
    tell(20, `${binary.functionCount} functions`);
    const index = new BinaryIndex(binary);
    if (!same(identity, identityOf(path))) throw refuse('changed', `${path} was replaced while it was read.`);
    tell(100, 'done');
    const { goVersion, mainPackage, functionCount, buildIds } = binary;
    const summary: BinarySummary = {
      path,
      identity,
      goVersion,
      mainPackage,
      isTest: isTestProgram(binary),
      functionCount,
      buildId: buildIds.go ?? buildIds.gnu,
      problems: binary.problems.map((problem) => problem.message),
    };
    close(path);
    binaries.set(path, { summary, index });
    for (const [oldest] of binaries) if (binaries.size > openLimit) close(oldest);
    return summary;
  } catch (error) {
    binary.close();
    throw error;
  }
}

/** The index of exactly the build that is meant. */
function indexOf(path: string, identity: FileIdentity): BinaryIndex {
  const found = binaries.get(path);
  if (found === undefined) throw refuse('changed', `${path} is not open.`);
  if (!same(found.summary.identity, identity)) throw refuse('changed', `${path} was built again.`);
  // The map's order is by last use.
  binaries.delete(path);
  binaries.set(path, found);
  return found.index;
}

/** Every failure leaves with a code and a sentence. */
const described = (error: unknown): ResponseError<WorkerErrorData> => {
  if (error instanceof ResponseError) return error;
  if (!(error instanceof Error)) return refuse('failed', String(error));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'failed';
  return refuse(code, error.message);
};

const answering = async <T>(work: () => T | Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw described(error);
  }
};

connection.onRequest(OpenRequest, ({ path }) => answering(() => open(path)));
connection.onRequest(CloseRequest, ({ path }) => answering(() => close(path)));
connection.onRequest(DiscoverRequest, (params) => answering(() => discover(params)));
connection.onRequest(LookupRequest, ({ path, identity, queries, files }) =>
  answering(() => {
    return { facts: indexOf(path, identity).facts(queries, files) };
  }),
);
connection.onRequest(CallsRequest, ({ path, identity, files }) =>
  answering(() => indexOf(path, identity).calls(files)),
);
connection.onRequest(ClosuresRequest, ({ path, identity, files, line }) =>
  answering(() => indexOf(path, identity).closures(files, line)),
);
connection.onRequest(DescribeRequest, ({ path, identity, name }) =>
  answering(() => describeFunctions(indexOf(path, identity).binary, name)),
);
connection.onRequest(JudgeRequest, ({ path, identity, texts }) =>
  answering(() => judgeProbes(indexOf(path, identity).binary, texts)),
);
connection.listen();
