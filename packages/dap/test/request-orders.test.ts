/** Random orders of real requests: every one is answered, nobody crashes, and nothing is left afterwards. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { firstOf, refusalOf } from './answers.js';
import { childrenOf, commandOf } from './live-program.js';
import { type Move, type Script, scriptArbitrary } from './request-scripts.js';
import { connectClient, lineOf, startPlainDelve, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';
import { gone, until } from './until.js';

const source = join(fixtureSources('orders'), 'order.go');
const known = ['func price(', 'if o.Qty == 0', 'value := notional', 'scaled :=', 'return scaled'].map((text) =>
  lineOf(source, text),
);

const rounds = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 200 : 4));
const seed = Number(process.env.PROBELENS_SEED ?? 41);

/** A hang is told from a slow machine by this only. */
const patienceMs = 60_000;

/** Rejects when nothing comes of it. */
const answered = async <T>(what: string, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer: ${what}`)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** What a client knows of the last stop, for the placeholders. */
class Memory {
  readonly #values = new Map<unknown, unknown>([
    ['THREAD', 1],
    ['FRAME', 1000],
    ['REFERENCE', 1000],
  ]);

  fill(args: unknown): unknown {
    if (args === undefined) return undefined;
    return JSON.parse(JSON.stringify(args), (_, value: unknown) => this.#values.get(value) ?? value);
  }

  learn(client: TestClient): void {
    const stop = client.events.findLast((one) => one.event === 'stopped');
    if (stop !== undefined) this.#values.set('THREAD', stop.body.threadId);
  }

  heard(command: string, body: unknown): void {
    const [key, list] =
      command === 'stackTrace' ? (['FRAME', 'stackFrames'] as const) : (['REFERENCE', 'scopes'] as const);
    const field = command === 'stackTrace' ? 'id' : 'variablesReference';
    const [first] = (body as Record<string, { [name: string]: unknown }[] | undefined> | undefined)?.[list] ?? [];
    if (first !== undefined) this.#values.set(key, first[field]);
  }
}

/** Delve's own answer to whom it cannot ask while the program runs (service/dap/error_ids.go, DebuggeeIsRunning). */
const debuggeeIsRunning = 4000;

/** Not every resume ends in a stop, and a stop may have come long before: pauses until the program stands still. */
const standStill = async (client: TestClient): Promise<void> => {
  const end = Date.now() + patienceMs;
  for (;;) {
    const look = await answered('whether it stands', client.ask('stackTrace', { threadId: 1, levels: 1 }));
    if (look.success || refusalOf(look).id !== debuggeeIsRunning) return;
    if (Date.now() > end) throw new Error('the program is never paused');
    await answered('pause', client.ask('pause', { threadId: 1 }));
  }
};

/** Resolves when every answer is there. */
const play = async (client: TestClient, moves: readonly Move[]): Promise<void> => {
  const memory = new Memory();
  const pending: Promise<unknown>[] = [];
  for (const move of moves) {
    memory.learn(client);
    const args = memory.fill(move.args);
    const what = `${move.command} ${JSON.stringify(args)}`;
    const answer = answered(what, client.ask(move.command, args)).then((told) => {
      memory.heard(move.command, told.body);
      return told;
    });
    // Looked at in the end, also when another fails first.
    answer.catch(() => undefined);
    pending.push(answer);
    if (move.wait === 'nothing') continue;
    const told = await answer;
    const resumes = ['continue', 'next', 'stepIn', 'stepOut', 'pause'].includes(move.command);
    if (move.wait === 'stop' && resumes && told.success) await standStill(client);
  }
  await Promise.all(pending);
};

const leave = async (client: TestClient, { farewell }: Script): Promise<void> => {
  if (farewell === 'disconnect') await answered(farewell, client.ask('disconnect', { terminateDebuggee: true }));
  if (farewell === 'disconnect, sparing') await answered(farewell, client.ask('disconnect', {}));
  if (farewell === 'terminate') await answered(farewell, client.ask('terminate', {}));
  if (farewell === 'broken connection') client.drop();
  await answered('the end of the connection', client.leave());
};

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('random orders of requests', () => {
  const stage = new SessionStage('orders');

  it('are all answered and leave nothing behind', { timeout: 3_600_000 }, async () => {
    const scripts = fc.sample(scriptArbitrary(source, known), { seed, numRuns: rounds });
    for (const [number, script] of scripts.entries()) {
      const program = await stage.program('orders');
      const { stopOnEntry, endless } = script;
      const client = await stage.launch(program, { stopOnEntry, args: [endless ? '1000000000' : '400'] });
      const adapter = stage.server.child.pid ?? 0;
      const delve = childrenOf(adapter).filter((pid) => commandOf(pid).includes('dlv'));
      const targets = delve.flatMap(childrenOf);
      try {
        await play(client, script.moves);
        expect(client.output, 'Delve lives').not.toContain('Delve has ended');
        expect(client.output, 'no result is wrong').not.toMatch(/"wrong":[1-9]/);
        await leave(client, script);
        await until('no child is left', () => childrenOf(adapter).length === 0, patienceMs);
        await until('no target is left', () => targets.every(gone), patienceMs);
        expect(stage.server.child.exitCode).toBeNull();
      } catch (error) {
        const told = `round ${number} of seed ${seed}: ${JSON.stringify(script)}\n${client.output.slice(-2000)}`;
        throw new Error(told, { cause: error });
      }
    }
  });

  it('may restart the program while its kernel side is being opened', async () => {
    const client = await stage.launch(await stage.program('orders'), { args: ['400'] });
    // `initialized` has just come: the agent is starting.
    expect(await client.ask('restart', {})).toMatchObject({ success: true });
    await client.next('initialized');
    const set = await client.request('setFunctionBreakpoints', {
      breakpoints: [{ name: 'main.price', condition: 'o.ID == 300' }],
    });
    expect(set.breakpoints[0]?.message).toMatch(/^In the kernel/);
    await client.ask('configurationDone');
    expect((await client.next('stopped')).body.hitBreakpointIds).toEqual([firstOf(set.breakpoints).id]);
    await client.leave();
    await until('no child is left', () => childrenOf(stage.server.child.pid ?? 0).length === 0, patienceMs);
  });

  it('would end Delve alone where a type is wrong, which is why those are refused', async () => {
    const delve = await startPlainDelve();
    const direct = await connectClient(delve.port);
    const ended = new Promise((resolve) => delve.child.once('exit', resolve));
    void direct.ask('next', { threadId: 'one' });
    await ended;
    const client = await stage.launch(await stage.program('orders'), { stopOnEntry: true, args: ['40'] });
    const refused = await client.ask('next', { threadId: 'one' });
    expect(refusalOf(refused).format).toBe('The request "next" cannot be read: "threadId" must be a whole number.');
    expect((await client.ask('threads')).success).toBe(true);
  });
});
