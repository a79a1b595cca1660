/**
 * The order in which editors speak: what they wait for and what they do not. Read in nvim-dap 00339d3
 * (lua/dap/session.lua), dap-mode 0.7 (dap-mode.el) and Helix 0086de1 (helix-view/src/handlers/dap.rs); dape stands for
 * clients that send their whole configuration at once, VS Code for those that ask for everything twice.
 */
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { firstOf } from './answers.js';
import { lineOf, type TestClient } from './session-client.js';

export const source = join(fixtureSources('orders'), 'order.go');
export const line = lineOf(source, 'func price(') + 1;
export const condition = 'o.ID == 1500';

export interface Editor {
  readonly name: string;
  readonly initialize: object;
  /** Beside what Delve knows. */
  readonly launch: object;
  /** From `initialized` to the running program; resolves to the answer of setBreakpoints. */
  configure(client: TestClient): Promise<{ readonly line?: number; readonly id?: number; readonly message?: string }>;
  /** From `stopped` to the frame that it shows. */
  look(client: TestClient, threadId: number): Promise<{ readonly name: string; readonly line: number }>;
  leave(client: TestClient): Promise<void>;
}

const file = { path: source, name: basename(source) };
const set = async (client: TestClient, args: object): ReturnType<Editor['configure']> =>
  firstOf((await client.request('setBreakpoints', args)).breakpoints);

const top = async (client: TestClient, args: object): ReturnType<Editor['look']> => {
  const stack = await client.request('stackTrace', args);
  const frame = firstOf(stack.stackFrames);
  const scopes = await client.request('scopes', { frameId: frame.id });
  for (const { variablesReference } of scopes.scopes)
    expect((await client.ask('variables', { variablesReference })).success).toBe(true);
  return frame;
};

export const editors: readonly Editor[] = [
  {
    name: 'nvim-dap',
    initialize: {
      clientID: 'neovim',
      clientName: 'neovim',
      adapterID: 'probelens',
      pathFormat: 'path',
      columnsStartAt1: true,
      linesStartAt1: true,
      supportsRunInTerminalRequest: true,
      supportsVariableType: true,
      supportsProgressReporting: true,
      locale: 'en_US.UTF-8',
    },
    launch: { type: 'probelens', request: 'launch', name: 'Debug' },
    async configure(client) {
      const breakpoint = await set(client, { source: file, breakpoints: [{ line, condition }], lines: [line] });
      await client.ask('setExceptionBreakpoints', { filters: ['unrecovered-panic', 'runtime-fatal-throw'] });
      await client.ask('configurationDone');
      return breakpoint;
    },
    async look(client, threadId) {
      await client.ask('threads');
      return top(client, { threadId });
    },
    async leave(client) {
      await client.ask('disconnect', { restart: false, terminateDebuggee: true });
    },
  },
  {
    name: 'dap-mode',
    initialize: {
      clientID: 'vscode',
      clientName: 'Visual Studio Code',
      adapterID: 'probelens',
      pathFormat: 'path',
      linesStartAt1: true,
      columnsStartAt1: true,
      supportsVariableType: true,
      supportsVariablePaging: true,
      supportsRunInTerminalRequest: true,
      locale: 'en-us',
    },
    launch: { type: 'probelens', request: 'launch', name: 'Debug', hostName: 'localhost', dlvToolPath: '/nowhere' },
    async configure(client) {
      const breakpoints = [{ line, condition, hitCondition: null, logMessage: null }];
      const breakpoint = await set(client, { source: file, breakpoints, sourceModified: false });
      await client.ask('setExceptionBreakpoints', { filters: ['unrecovered-panic'] });
      await client.ask('configurationDone');
      return breakpoint;
    },
    async look(client, threadId) {
      const [frame] = await Promise.all([top(client, { threadId }), client.ask('threads')]);
      return frame;
    },
    async leave(client) {
      const closing = client.ask('disconnect', { restart: false, terminateDebuggee: true });
      await closing;
      client.drop();
    },
  },
  {
    name: 'dape',
    initialize: {
      clientID: 'dape',
      adapterID: 'probelens',
      pathFormat: 'path',
      linesStartAt1: true,
      columnsStartAt1: true,
      supportsRunInTerminalRequest: true,
      supportsProgressReporting: true,
      supportsStartDebuggingRequest: true,
      supportsMemoryReferences: true,
      supportsMemoryEvent: true,
    },
    launch: { type: 'probelens', request: 'launch' },
    async configure(client) {
      const [breakpoint] = await Promise.all([
        set(client, { source: file, breakpoints: [{ line, condition }], lines: [line] }),
        client.ask('setFunctionBreakpoints', { breakpoints: [] }),
        client.ask('setExceptionBreakpoints', { filters: [] }),
        client.ask('setDataBreakpoints', { breakpoints: [] }),
      ]);
      await client.ask('configurationDone');
      return breakpoint;
    },
    async look(client, threadId) {
      await client.ask('threads');
      return top(client, { threadId, levels: 1, startFrame: 0 });
    },
    async leave(client) {
      await client.ask('terminate', { restart: false });
      await client.ask('disconnect', { restart: false });
    },
  },
  {
    name: 'Helix',
    initialize: {
      clientID: 'hx',
      clientName: 'helix',
      adapterID: 'probelens',
      locale: 'en-us',
      linesStartAt1: true,
      columnsStartAt1: true,
      pathFormat: 'path',
      supportsVariableType: true,
      supportsVariablePaging: false,
      supportsRunInTerminalRequest: true,
      supportsMemoryReferences: false,
      supportsProgressReporting: false,
      supportsInvalidatedEvent: false,
    },
    launch: {},
    async configure(client) {
      const breakpoint = await set(client, { source: { path: source }, breakpoints: [{ line, condition }] });
      await client.ask('configurationDone');
      return breakpoint;
    },
    async look(client, threadId) {
      const threads = await client.request('threads');
      expect(threads.threads.length).toBeLessThanOrEqual(16);
      for (const { id } of threads.threads)
        expect((await client.ask('stackTrace', { threadId: id })).success).toBe(true);
      return top(client, { threadId });
    },
    async leave(client) {
      await client.ask('disconnect', { restart: false });
    },
  },
  {
    name: 'VS Code',
    initialize: {
      clientID: 'vscode',
      clientName: 'Visual Studio Code',
      adapterID: 'probelens',
      pathFormat: 'path',
      linesStartAt1: true,
      columnsStartAt1: true,
      supportsVariableType: true,
      supportsVariablePaging: true,
      supportsRunInTerminalRequest: true,
      locale: 'en',
      supportsProgressReporting: true,
      supportsInvalidatedEvent: true,
      supportsMemoryReferences: true,
      supportsArgsCanBeInterpretedByShell: true,
      supportsMemoryEvent: true,
      supportsStartDebuggingRequest: true,
      supportsANSIStyling: true,
    },
    launch: { type: 'probelens', request: 'launch', name: 'Debug', __sessionId: 'ab-cd', __configurationTarget: 6 },
    async configure(client) {
      const [breakpoint] = await Promise.all([
        set(client, { source: file, breakpoints: [{ line, condition }], lines: [line], sourceModified: false }),
        client.ask('setFunctionBreakpoints', { breakpoints: [] }),
        client.ask('setInstructionBreakpoints', { breakpoints: [] }),
      ]);
      await client.ask('setExceptionBreakpoints', { filters: ['unrecovered-panic'], filterOptions: [] });
      // It asks for the threads as soon as the configuration is done, whatever they are.
      await Promise.all([client.ask('configurationDone'), client.ask('threads')]);
      return breakpoint;
    },
    async look(client, threadId) {
      await client.ask('threads');
      const [frame] = await Promise.all([
        top(client, { threadId, startFrame: 0, levels: 1 }),
        client.ask('stackTrace', { threadId, startFrame: 1, levels: 19 }),
      ]);
      const watched = { expression: 'o.Symbol', context: 'watch', source: file, line, column: 1 };
      await client.ask('evaluate', watched);
      return frame;
    },
    async leave(client) {
      await client.ask('disconnect', { restart: false });
    },
  },
];
