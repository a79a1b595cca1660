/** The privileged process: one client on two streams, and every way in which that can end. */
import type { Readable, Writable } from 'node:stream';
import { type Feature, features } from '@probelens/bpf';
import { createMessageConnection, type MessageConnection } from 'vscode-jsonrpc/node';
import { messageReader, messageWriter } from '../messages.js';
import { waitForEnding } from './endings.js';
import { GuardLink } from './guard-link.js';
import { mend } from './mend.js';
import { MendRequest } from './mend-protocol.js';
import {
  AbilitiesRequest,
  type Ability,
  ArmRequest,
  ArmSourceRequest,
  BpfEventsNotification,
  CountersRequest,
  DescribeLoadRequest,
  DisarmAllRequest,
  DisarmRequest,
  DrainRequest,
  FocusRequest,
  type Hello,
  HelloRequest,
  protocolVersion,
  RecordShapeNotification,
  RecordsNotification,
  ResumeRequest,
  SourceFieldsRequest,
  TargetGoneNotification,
} from './protocol.js';
import { asResponse, badPlan } from './refusal.js';
import { incapability, Session } from './session.js';
import { sourceFields } from './valid-source.js';
import { agentVersion, kernelRelease } from './version.js';

export interface AgentOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** How the guard is started; default: this very program with the argument "guard". */
  readonly guardCommand?: readonly string[];
  /**
   * Ends the process, at once. With it the kernel takes the probes out as the process ends, where nothing can come between
   * (bpf, link/close-together.ts); without it the agent takes them out one after the other.
   */
  readonly exit?: (code: number) => never;
}

/** Serves one client until its input ends; resolves with the exit code when nothing is armed and nobody is stopped. */
export const runAgent = async (options: AgentOptions): Promise<number> => {
  const say = (sentence: string): void => {
    process.stderr.write(`probelens agent: ${sentence}\n`);
  };
  keepOutputClean(options.output);
  const guard = new GuardLink(options.guardCommand ?? defaultGuard(), say);
  const connection = createMessageConnection(messageReader(options.input), messageWriter(options.output), {
    error: say,
    warn: say,
    info: () => undefined,
    log: () => undefined,
  });
  const session = new Session({
    guard,
    sendRecords: (bytes) => whileOpen(connection.sendNotification(RecordsNotification, { bytes })),
    sendShape: (shape) => void whileOpen(connection.sendNotification(RecordShapeNotification, shape)),
    sendBpf: (events) => whileOpen(connection.sendNotification(BpfEventsNotification, { events })),
    sendGone: (pid, why, counters) =>
      void whileOpen(connection.sendNotification(TargetGoneNotification, { pid, why, counters })),
  });
  serve(connection, session);
  const leave = (code: number): void => {
    if (session.endsBest) options.exit?.(code);
  };
  const ending = waitForEnding({ ...options, connection, leave, disarm: () => session.close() });
  connection.listen();
  const code = await ending;
  session.close();
  // The guard stays until the last target of a dead tracer runs again: should this process be killed now, it goes on.
  await session.settled();
  guard.close();
  connection.dispose();
  return code;
};

/** The protocol has the output for itself: whatever a library prints goes to stderr. */
const keepOutputClean = (output: Writable): void => {
  if (output !== process.stdout) return;
  console.log = console.error;
  console.info = console.error;
  console.debug = console.error;
};

const defaultGuard = (): readonly string[] => [
  process.execPath,
  // It reads a file in /proc now and then: the smallest heap will do. Megabytes.
  '--max-old-space-size=16',
  '--max-semi-space-size=1',
  process.argv[1] ?? '',
  'guard',
];

/** The client's end is noticed elsewhere; a notification that finds nobody is no error. */
const whileOpen = async (sending: Promise<void>): Promise<void> => {
  try {
    await sending;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
};

const hello = (): Hello => {
  const reason = incapability(features());
  return {
    protocol: protocolVersion,
    version: agentVersion,
    pid: process.pid,
    kernel: kernelRelease(),
    capable: reason === undefined,
    reason,
  };
};

const abilities = (): readonly Ability[] =>
  Object.entries(features()).map(([id, { works, reason }]: [string, Feature]) => ({ id, works, reason }));

const serve = (connection: MessageConnection, session: Session): void => {
  const answer =
    <P, R>(handle: (params: P) => R | Promise<R>) =>
    async (params: P): Promise<R> => {
      try {
        // What a request has instead of its object is the other side's mistake.
        if (params === null) throw badPlan('a request came without its parameters');
        return await handle(params);
      } catch (error) {
        throw asResponse(error);
      }
    };
  connection.onRequest(HelloRequest, answer(hello));
  connection.onRequest(AbilitiesRequest, answer(abilities));
  connection.onRequest(
    ArmRequest,
    answer(async (params) => ({ probe: await session.arm(params) })),
  );
  connection.onRequest(
    ArmSourceRequest,
    answer(async (params) => ({ probe: await session.armSource(params) })),
  );
  connection.onRequest(
    SourceFieldsRequest,
    answer((params) => sourceFields(params)),
  );
  connection.onRequest(
    DescribeLoadRequest,
    answer((params) => session.describeLoad(params) ?? null),
  );
  connection.onRequest(
    DisarmRequest,
    answer(({ probe }) => session.disarm(probe)),
  );
  connection.onRequest(
    DisarmAllRequest,
    answer(() => session.disarmAll()),
  );
  connection.onRequest(
    DrainRequest,
    answer(() => session.drain()),
  );
  connection.onRequest(
    CountersRequest,
    answer(() => session.counters()),
  );
  connection.onRequest(
    ResumeRequest,
    answer(({ pid }) => session.resume(pid)),
  );
  connection.onRequest(MendRequest, answer(mend));
  connection.onRequest(
    FocusRequest,
    answer((focus) => session.focus(focus)),
  );
};
