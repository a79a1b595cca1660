/**
 * What remains of a session whose adapter was killed. Delve detaches as soon as its connection ends, and a gate that
 * fires after that kills the program; so this small process holds the connection until the agent has taken every gate
 * out (its stdout ends then), leaves a live target in the safe order, and ends. It has no privileges and asks for none.
 *
 * Descriptors: 0 state lines, 1 "ready", 3 Delve's socket, 4 the agent's stdout, 5.. Delve's own output.
 */
import { createReadStream } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { KeepState } from '../core/output.js';
import { standsTraced, tracerOf, trapPending } from '../kernel/target.js';
import { DelveTalk } from './delve-talk.js';
import { ProcessWatch } from './process-watch.js';
import { readStateLine } from './state-line.js';

const delveDescriptor = 3;
const agentDescriptor = 4;
const firstOther = 5;
/**
 * An agent that hangs must not keep a program paused for ever. But each gate takes the kernel some 20 ms to remove, on a
 * busy machine many times that, and Delve that lets go before the last is out kills the program.
 */
const agentPatienceMs = 60_000;
/** To end a program and itself; on a busy machine seconds. */
const delvePatienceMs = 15_000;
const roundLimit = 8;
/** Delve halts a busy program within milliseconds; after this it is asked again whether the program runs. */
const stopPatienceMs = 5_000;

/** Resolves with the last state when the adapter is gone, with undefined when it took its leave. */
const adapterGone = async (input: NodeJS.ReadableStream): Promise<KeepState | undefined> => {
  let last: KeepState | undefined;
  for await (const line of createInterface({ input })) {
    if (line === 'done') return undefined;
    last = readStateLine(line) ?? last;
  }
  return last;
};

/** Reads to the end and forgets: the other side must neither block nor break while this process stays. */
const drained = async (descriptor: number, patienceMs: number | undefined): Promise<void> => {
  const stream = createReadStream('', { fd: descriptor, autoClose: false });
  await new Promise<void>((resolve) => {
    const timer = patienceMs === undefined ? undefined : setTimeout(resolve, patienceMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    stream.once('end', done);
    stream.once('error', done);
    stream.resume();
  });
};

/** As in core/endings.ts: a pause while a trap is waiting for its thread, or Delve for it, sends another one. */
const lookMs = 20;
const lookLimit = 50;

const shaken = async (talk: DelveTalk, pid: number | undefined): Promise<void> => {
  for (let look = 0; look < lookLimit; look += 1) {
    if (pid === undefined || !(trapPending(pid) || standsTraced(pid)) || !(await talk.isRunning())) return;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
};

/** The order of core/endings.ts, with what little is known here. */
const leaveAlive = async (talk: DelveTalk, state: KeepState): Promise<void> => {
  for (const path of state.sources) await talk.request('setBreakpoints', { source: { path }, breakpoints: [] });
  if (state.functions) await talk.request('setFunctionBreakpoints', { breakpoints: [] });
  if (state.instructions) await talk.request('setInstructionBreakpoints', { breakpoints: [] });
  let { step } = state;
  for (let round = 0; round < roundLimit; round += 1) {
    // Never pause a stopped program: Delve answers, and no stop follows.
    if (await talk.isRunning()) {
      const stopped = talk.nextStop(stopPatienceMs);
      if (await talk.request('pause', { threadId: 1 })) await stopped;
      // Slow, not stuck: a program that runs while Delve detaches does not survive it.
      if (await talk.isRunning()) continue;
      step = false;
    }
    if (!step && (state.pid === undefined || !trapPending(state.pid))) break;
    await talk.request('continue', { threadId: 1 });
    await shaken(talk, state.pid);
  }
  await talk.request('disconnect', { terminateDebuggee: false });
};

/** Delve ends the program that it has started when its connection ends, but one that hangs hears of nothing. */
const endHung = async (delve: ProcessWatch, target: ProcessWatch): Promise<void> => {
  if (await delve.endsWithin(delvePatienceMs)) return;
  delve.kill();
  target.kill();
};

export interface KeeperOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** How many further descriptors there are, from 5 on. */
  readonly others: number;
  /** Process id of a Delve that the session has started; 0: somebody else's. */
  readonly delve: number;
}

/** Resolves with the exit code. */
export const runKeeper = async (options: KeeperOptions): Promise<number> => {
  const delve = new ProcessWatch(options.delve);
  options.output.write('ready\n');
  const state = await adapterGone(options.input);
  if (state === undefined) return 0;
  for (let index = 0; index < options.others; index += 1) void drained(firstOther + index, undefined);
  await drained(agentDescriptor, agentPatienceMs);
  const socket = new Socket({ fd: delveDescriptor, readable: true, writable: true });
  const talk = new DelveTalk(socket, state.pid);
  const { live, pid = 0 } = state;
  const target = new ProcessWatch(!live && tracerOf(pid) === options.delve ? pid : 0);
  if (live) await leaveAlive(talk, state);
  socket.destroy();
  if (!live) await endHung(delve, target);
  return 0;
};
