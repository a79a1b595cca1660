/** One session in which somebody is killed at some moment, and what is left of everybody afterwards. */
import { once } from 'node:events';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { childrenOf, commandOf, LiveProgram } from './live-program.js';
import {
  connectClient,
  initializeArguments,
  lineOf,
  startAdapter,
  startPlainDelve,
  type TestClient,
  type TestServer,
} from './session-client.js';
import { gone, until } from './until.js';

export const victims = ['client', 'adapter', 'agent', 'guard', 'keeper', 'delve', 'target'] as const;
export const moments = ['starting', 'arming', 'running', 'stopped', 'stepping', 'disconnecting'] as const;
export type Victim = (typeof victims)[number];
export type Moment = (typeof moments)[number];

export interface Round {
  readonly victim: Victim;
  readonly moment: Moment;
  /** A busy program that must live on, or one that the session started. */
  readonly attach: boolean;
  /** Delve has a breakpoint of its own on a line that is passed all the time and a condition that never holds. */
  readonly hot: boolean;
}

const source = join(fixtureSources('orders'), 'order.go');
const patienceMs = 60_000;

/** Everybody of one session, by what they are. */
interface Cast {
  readonly server: TestServer;
  readonly client: TestClient;
  readonly target: LiveProgram | undefined;
  /** Process id to command line: everything that was ever seen of the session. */
  readonly seen: Map<number, string>;
}

const targetOf = ({ target, server }: Cast): number | undefined =>
  target?.pid ??
  dlvOf(server)
    .flatMap(childrenOf)
    .find((pid) => !commandOf(pid).includes('dlv'));

const dlvOf = (server: TestServer): readonly number[] =>
  childrenOf(server.child.pid ?? 0).filter((pid) => commandOf(pid).includes('dlv dap'));

const pidOf = (cast: Cast, victim: Victim): number | undefined => {
  const adapter = cast.server.child.pid ?? 0;
  const named = (parent: number | undefined, part: RegExp): number | undefined =>
    parent === undefined ? undefined : childrenOf(parent).find((pid) => part.test(commandOf(pid)));
  switch (victim) {
    case 'client':
      return undefined;
    case 'adapter':
      return adapter;
    case 'agent':
      return named(adapter, / agent$/);
    case 'guard':
      return named(named(adapter, / agent$/), / guard$/);
    case 'keeper':
      return named(adapter, / keeper \d+ \d+$/);
    case 'delve':
      return dlvOf(cast.server)[0];
    case 'target':
      return targetOf(cast);
  }
};

const familyOf = (pid: number): readonly number[] => [pid, ...childrenOf(pid).flatMap(familyOf)];

/** Notes who belongs to the session, but for the program that was there before it and Delve's own telemetry. */
const look = ({ server, target, seen }: Cast): void => {
  for (const pid of familyOf(server.child.pid ?? 0)) {
    const command = commandOf(pid);
    if (pid !== target?.pid && !command.includes('telemetry')) seen.set(pid, command);
  }
};

const strike = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself just before.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
};

/** Waits for a victim that is only being started; gives up when the session is up without it. */
const kill = async (cast: Cast, victim: Victim, up: Promise<unknown>): Promise<void> => {
  if (victim === 'client') {
    look(cast);
    cast.client.drop();
    return;
  }
  let started = false;
  const settled = up.then(() => {
    started = true;
  });
  await until(`there is a ${victim}, or will be none`, () => started || pidOf(cast, victim) !== undefined, patienceMs);
  const pid = pidOf(cast, victim);
  look(cast);
  if (pid === undefined) await settled;
  else strike(pid);
};

const conditions: Readonly<Record<Moment, string>> = {
  starting: 'o.ID < 0',
  arming: 'o.ID % 1000 == 999',
  running: 'o.ID < 0',
  stopped: 'o.ID % 100 == 0',
  stepping: 'o.ID % 100 < 4',
  disconnecting: 'o.ID % 500 == 0',
};

/** Answers may never come: nobody waits for them longer than for the end of the connection. */
const bring = async (cast: Cast, { moment, hot, attach, victim }: Round, program: string): Promise<void> => {
  const { client, target } = cast;
  // Whoever was killed before may leave a question without an answer; the connection ends then.
  const ended = new Promise<undefined>((resolve) => client.onEnd(() => resolve(undefined)));
  const ask = (command: string, args?: unknown) => Promise.race([client.ask(command, args), ended]);
  await ask('initialize', initializeArguments);
  const begun =
    attach && target !== undefined
      ? ask('attach', { mode: 'local', processId: target.pid })
      : ask('launch', { mode: 'exec', program, args: ['1000000000'] });
  if (moment === 'starting') return kill(cast, victim, begun);
  await Promise.race([client.next('initialized'), ended]);
  await begun;
  if (hot) {
    const breakpoints = [{ line: lineOf(source, 'scaled :='), condition: 'value < 0' }];
    await ask('setBreakpoints', { source: { path: source }, breakpoints });
  }
  const arming = ask('setFunctionBreakpoints', {
    breakpoints: [{ name: 'main.price', condition: conditions[moment] }],
  });
  if (moment === 'arming') return kill(cast, victim, arming);
  await arming;
  await ask('configurationDone');
  if (moment === 'running') return kill(cast, victim, Promise.resolve());
  const stop = await Promise.race([client.next('stopped'), ended]);
  if (moment === 'stopped') return kill(cast, victim, Promise.resolve());
  const threadId = stop?.body.threadId;
  const last = moment === 'stepping' ? ask('next', { threadId }) : ask('disconnect', { terminateDebuggee: false });
  return kill(cast, victim, last);
};

export interface Outcome {
  /** Of a program that was attached to: "alive", or how it ended. */
  readonly target: string;
  /** Processes of the session that are still there. */
  readonly left: readonly string[];
  readonly textIsWhole: boolean;
}

/** Whether all of the program's own functions are in memory as in the file. */
const wholeText = async (path: string, target: LiveProgram): Promise<boolean> => {
  const binary = await openGoBinary(path);
  try {
    const own = [...binary.functions()].filter(({ name }) => name.startsWith('main.'));
    return own.every((fn) => target.textIsWhole(fn.entry, binary.offsetOf(fn.entry), fn.size));
  } finally {
    binary.close();
  }
};

const fateOf = async (target: LiveProgram, path: string): Promise<Pick<Outcome, 'target' | 'textIsWhole'>> => {
  const ownState = (): boolean =>
    !target.alive || (target.tracer === 0 && ['S', 'R', 'T'].includes(target.state ?? ''));
  await until('the program is on its own', ownState, patienceMs);
  // A stop that somebody is still to mend: the guard continues it, and it says so by its state only.
  const mended = (): boolean => !target.alive || target.state !== 'T';
  await until('the program is not stopped', mended, patienceMs);
  const textIsWhole = !target.alive || (await wholeText(path, target));
  const verdict = await target.verdict();
  const well = /"wrong":0.* code 0 signal null$/.test(verdict);
  return { target: well ? 'alive' : verdict, textIsWhole };
};

export const playRound = async (round: Round, built: string, work: string): Promise<Outcome> => {
  const path = await privateCopy(built, work);
  const target = round.attach ? await LiveProgram.start(path, ['serve', '2000']) : undefined;
  const server = await startAdapter({ PROBELENS_TEST_CONTROL: join(work, 'registry') });
  const exited = once(server.child, 'exit');
  const client = await connectClient(server.port);
  const cast: Cast = { server, client, target, seen: new Map() };
  await bring(cast, round, path);
  look(cast);
  // Whoever lives goes on to the end of the session.
  if (round.victim !== 'client' && round.victim !== 'adapter') await client.leave();
  server.child.kill('SIGTERM');
  await exited;
  client.drop();
  // Delve that is killed leaves what it has started running, alone as well as here.
  if (round.victim === 'delve')
    for (const [pid, command] of cast.seen) if (command.startsWith(path) && commandOf(pid) === command) strike(pid);
  const left = (): readonly number[] => [...cast.seen.keys()].filter((pid) => !gone(pid));
  await until(`they are gone: ${[...cast.seen].join('; ')}`, () => left().length === 0, patienceMs);
  const fate = target === undefined ? { target: 'alive', textIsWhole: true } : await fateOf(target, path);
  return { ...fate, left: left().map((pid) => cast.seen.get(pid) ?? '') };
};

/** Breakpoints of Delve's own are in the program's code when somebody is killed: its step's, or one that a person set. */
export const delveHasWritten = ({ victim, moment, hot }: Round): boolean =>
  hot || (victim === 'delve' && moment === 'stepping');

/** Stops where the round stops, and steps with nothing but the step's own breakpoints in the code. */
const stepPlainly = async (client: TestClient): Promise<void> => {
  await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price' }] });
  await client.ask('configurationDone');
  const { threadId } = (await client.next('stopped')).body;
  await client.ask('setFunctionBreakpoints', { breakpoints: [] });
  await client.ask('next', { threadId });
};

/** The same with Delve alone, whose client or which itself is killed: how the program fares. */
export const playPlain = async ({ victim, moment, hot }: Round, built: string, work: string): Promise<string> => {
  const path = await privateCopy(built, work);
  const target = await LiveProgram.start(path, ['serve', '2000']);
  const server = await startPlainDelve();
  const client = await connectClient(server.port);
  await client.ask('initialize', initializeArguments);
  const attach = client.ask('attach', { mode: 'local', processId: target.pid });
  await client.next('initialized');
  await attach;
  const breakpoints = hot ? [{ line: lineOf(source, 'scaled :='), condition: 'value < 0' }] : [];
  await client.ask('setBreakpoints', { source: { path: source }, breakpoints });
  if (victim === 'delve' && moment === 'stepping') await stepPlainly(client);
  else await client.ask('configurationDone');
  // A round takes as long to find its victim; Delve plants a step's breakpoints meanwhile.
  for (let search = 0; search < 6; search += 1) familyOf(server.child.pid ?? 0);
  if (victim === 'delve') server.child.kill('SIGKILL');
  else client.drop();
  await until('Delve is gone', () => gone(server.child.pid), patienceMs);
  const own = (): boolean => !target.alive || ['S', 'R', 'T'].includes(target.state ?? '');
  await until('the program is on its own', own, patienceMs);
  const stopped = target.state === 'T';
  if (stopped) process.kill(target.pid, 'SIGKILL');
  const verdict = await target.verdict();
  client.drop();
  return stopped ? 'stopped' : /"wrong":0.* code 0 signal null$/.test(verdict) ? 'alive' : verdict;
};
