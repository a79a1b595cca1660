/** The same conversation with Delve directly and through the adapter: every answer and event must be the same. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import type { EventName } from './answers.js';
import {
  connectClient,
  initializeArguments,
  lineOf,
  startAdapter,
  startPlainDelve,
  type TestClient,
} from './session-client.js';

const methods = join(fixtureSources('variety'), 'methods.go');
const scalars = join(fixtureSources('variety'), 'scalars.go');

type Line = readonly [what: string, value: unknown];

/** What differs between two runs of the very same thing: processes, addresses on the heap, the adapter's own numbers. */
const normalise = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value)
      .replace(/"(seq|request_seq)":\d+,?/g, '')
      .replace(/0x[0-9a-f]{6,}/g, '0x#')
      .replace(/"systemProcessId":\d+/g, '"systemProcessId":0')
      .replace(/ \(Thread \d+\)/g, '')
      .replace(/(ready|Process) \d+/g, '$1 #')
      .replace(/,\}/g, '}'),
  );

/** Breakpoint ids by the order in which they turn up. */
class Ids {
  readonly #known = new Map<number, string>();

  name(id: unknown): unknown {
    if (typeof id !== 'number' || id === 0) return 'none';
    const known = this.#known.get(id) ?? `breakpoint ${this.#known.size + 1}`;
    this.#known.set(id, known);
    return known;
  }
}

class Conversation {
  readonly lines: Line[] = [];
  readonly #ids = new Ids();
  frame = 0;
  thread = 1;

  constructor(readonly client: TestClient) {}

  #written(value: unknown): unknown {
    // Whether a breakpoint that could not be set has an id, a line and a source is the adapter's to improve.
    return JSON.parse(JSON.stringify(normalise(value)), (key, inner: unknown) => {
      // Which of the runtime's own goroutines exist is the scheduler's business.
      if (key === 'threads' && Array.isArray(inner)) return inner.filter(({ name }) => !name.includes('] runtime.'));
      if (key === 'hitBreakpointIds' && Array.isArray(inner)) return inner.map((id) => this.#ids.name(id));
      if (key !== 'breakpoints' || !Array.isArray(inner)) return inner;
      return inner.map((each: { id?: number; verified: boolean; message?: string; line?: number }) =>
        each.verified ? { ...each, id: this.#ids.name(each.id) } : { verified: false, message: each.message },
      );
    });
  }

  async ask(command: string, args?: unknown): Promise<unknown> {
    const answer = await this.client.ask(command, args);
    this.lines.push([`${command} ${JSON.stringify(args ?? null)}`, this.#written(answer)]);
    return answer.body;
  }

  async event(name: EventName): Promise<void> {
    const event = await this.client.next((one) => one.event === name);
    this.lines.push([name, this.#written(event.body ?? null)]);
    if (event.event === 'stopped') this.thread = event.body.threadId;
  }

  async stop(): Promise<void> {
    await this.event('stopped');
    await this.ask('threads');
    const body = await this.ask('stackTrace', { threadId: this.thread, startFrame: 0, levels: 3 });
    this.frame = (body as { stackFrames?: { id: number }[] }).stackFrames?.[0]?.id ?? 0;
  }
}

const stopped = async (talk: Conversation): Promise<void> => {
  await talk.ask('scopes', { frameId: talk.frame });
  for (const reference of [1000, 1001, 1002, 9999]) await talk.ask('variables', { variablesReference: reference });
  for (const context of ['repl', 'watch', 'hover', 'clipboard', 'variables', undefined]) {
    for (const expression of ['m', 'm.total', 'm.name', 'm.total * 3 > 4', 'nothing', '1 +', 'len(m.name)'])
      await talk.ask('evaluate', { expression, frameId: talk.frame, ...(context === undefined ? {} : { context }) });
  }
  for (const expression of ['dlv help', 'dlv help config', 'dlv config -list', 'dlv sources methods', 'dlv nonsense'])
    await talk.ask('evaluate', { expression, frameId: talk.frame, context: 'repl' });
  await talk.ask('evaluate', { expression: 'call describe(nil)', frameId: talk.frame, context: 'repl' });
  await talk.ask('setVariable', { variablesReference: 1001, name: 'n', value: '5' });
  await talk.ask('exceptionInfo', { threadId: talk.thread });
  await talk.ask('disassemble', { memoryReference: 'not an address', instructionCount: 2 });
  await talk.ask('readMemory', { memoryReference: '0x10', count: 8 });
  await talk.ask('dataBreakpointInfo', { name: 'm.total', frameId: talk.frame });
  for (const command of ['source', 'modules', 'loadedSources', 'cancel', 'goto', 'gotoTargets', 'restartFrame'])
    await talk.ask(command, command === 'source' ? { sourceReference: 1 } : { threadId: 1, frameId: 1 });
  for (const command of [
    'terminateThreads',
    'setExpression',
    'gotoTargets',
    'cancel',
    'breakpointLocations',
    'unheard-of',
  ])
    await talk.ask(command, { frameId: 1, source: { path: methods }, line: 1, expression: 'a', value: 'b' });
};

const converse = async (client: TestClient, program: string): Promise<readonly Line[]> => {
  const talk = new Conversation(client);
  await talk.ask('initialize', initializeArguments);
  await talk.ask('launch', { mode: 'nonsense', program, outputMode: 'remote' });
  await talk.ask('threads');
  const launch = client.ask('launch', {
    mode: 'exec',
    program,
    outputMode: 'remote',
    stopOnEntry: true,
    hideSystemGoroutines: true,
    kernel: 'off',
  });
  await talk.event('process');
  await talk.event('initialized');
  await launch;
  const add = lineOf(methods, 'm.total += n');
  const over = lineOf(methods, 'return g.total > g.limit');
  const source = { path: methods };
  const breakpoints = [{ line: add }, { line: 1 }, { line: add }, { line: over, condition: 'g.limit == 10' }];
  await talk.ask('setBreakpoints', { source, breakpoints });
  await talk.ask('setBreakpoints', { source: { path: '/nowhere.go' }, breakpoints: [{ line: 3 }] });
  await talk.ask('setBreakpoints', { source: {}, breakpoints: [{ line: 3 }] });
  await talk.ask('setBreakpoints', { source: { path: scalars }, breakpoints: [{ line: 7, logMessage: 'a {broken' }] });
  const names = [{ name: 'main.many' }, { name: 'main.nowhere' }, { name: '/regex/' }, { name: 'main.many' }];
  await talk.ask('setFunctionBreakpoints', { breakpoints: names });
  await talk.ask('setInstructionBreakpoints', { breakpoints: [{ instructionReference: 'xyz' }] });
  await talk.ask('setExceptionBreakpoints', { filters: ['unrecovered-panic'] });
  await talk.ask('setDataBreakpoints', { breakpoints: [{ dataId: 'broken' }] });
  await talk.ask('configurationDone');
  await talk.stop();
  await talk.ask('continue', { threadId: talk.thread });
  await talk.stop();
  await talk.ask('stepOut', { threadId: talk.thread });
  await talk.stop();
  await talk.ask('setFunctionBreakpoints', { breakpoints: [] });
  await talk.ask('continue', { threadId: talk.thread });
  await talk.stop();
  await stopped(talk);
  for (const command of ['next', 'stepIn', 'next', 'stepOut', 'next']) {
    await talk.ask(command, { threadId: talk.thread });
    await talk.stop();
  }
  await talk.ask('stepIn', { threadId: talk.thread, granularity: 'instruction' });
  await talk.stop();
  await talk.ask('next', { threadId: 99999 });
  await talk.stop();
  await talk.ask('setBreakpoints', { source, breakpoints: [{ line: add, condition: 'n == 4' }] });
  await talk.ask('continue', { threadId: talk.thread });
  await talk.stop();
  await talk.ask('setBreakpoints', { source, breakpoints: [] });
  await talk.ask('pause', { threadId: talk.thread });
  // After this Delve prints the program's output on its own stdout, which only the adapter shows.
  talk.lines.push(['output', client.output.replace(/ready \d+/, 'ready').replace(/0x[0-9a-f]{6,}/g, '0x#')]);
  await talk.ask('restart', { arguments: { request: 'launch', args: [], rebuild: false } });
  await talk.event('initialized');
  await talk.ask('setBreakpoints', { source, breakpoints: [{ line: add, hitCondition: '> 1' }] });
  await talk.ask('configurationDone');
  await talk.stop();
  await talk.ask('setBreakpoints', { source, breakpoints: [] });
  await talk.ask('continue', { threadId: talk.thread });
  await talk.event('exited');
  await talk.event('terminated');
  await talk.ask('threads');
  await talk.ask('stackTrace', { threadId: 1 });
  await talk.ask('evaluate', { expression: '1 + 1', context: 'repl' });
  await talk.ask('disconnect', {});
  return talk.lines;
};

describe.skipIf(requirement('delve', 'go').missing)('through the adapter and without it', () => {
  const work = mkdtempSync(join(tmpdir(), 'dap-equal-'));
  let program = '';
  beforeAll(async () => {
    program = await privateCopy(await buildFixture('variety', { flags: ['-gcflags=all=-N -l'] }), work);
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it('Delve says the same', async () => {
    const delve = await startPlainDelve();
    const direct = await connectClient(delve.port);
    const expected = await converse(direct, program);
    await direct.leave();
    const adapter = await startAdapter();
    const client = await connectClient(adapter.port);
    const lines = await converse(client, program);
    await client.leave();
    const exited = once(adapter.child, 'exit');
    adapter.child.kill('SIGTERM');
    await exited;

    expect(expected.length).toBeGreaterThanOrEqual(145);
    const added = {
      supportsTerminateRequest: true,
      supportsCompletionsRequest: true,
      supportsSingleThreadExecutionRequests: true,
      supportsStepInTargetsRequest: true,
    };
    lines.forEach(([what, value], index) => {
      const [expectedWhat, expectedValue] = expected[index] ?? [];
      expect(what).toBe(expectedWhat);
      if (!what.startsWith('initialize ')) {
        expect(value, what).toEqual(expectedValue);
        return;
      }
      const { body } = expectedValue as { body: { exceptionBreakpointFilters: readonly object[] } };
      // Filters of our own stand behind Delve's, and none of them is on.
      const off = expect.objectContaining({ filter: expect.any(String), default: false });
      const theirs = body.exceptionBreakpointFilters;
      const all = (value as { body: { exceptionBreakpointFilters: readonly object[] } }).body
        .exceptionBreakpointFilters;
      expect(all.length).toBeGreaterThan(theirs.length);
      const exceptionBreakpointFilters = [...theirs, ...all.slice(theirs.length).map(() => off)];
      expect(value).toEqual({
        ...(expectedValue as object),
        body: { ...body, ...added, exceptionBreakpointFilters },
      });
    });
    expect(lines.length).toBe(expected.length);
  });
});
