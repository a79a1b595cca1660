/** The whole way: a lens in the editor, the real adapter, the real kernel, and counts that come back. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';
import { builtCommand } from '../../../test/command.js';
import { findDelve, fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { Editor, temporaryDirectory } from './editor.js';

interface DapMessage {
  readonly type: string;
  readonly command?: string;
  readonly event?: string;
  readonly success?: boolean;
}

/** Just enough of a DAP client to launch a program and let it run. */
class Debugger {
  private sequence = 0;
  private readonly seen: DapMessage[] = [];
  private wake: (() => void)[] = [];
  private readonly writer: StreamMessageWriter;

  constructor(readonly adapter: ChildProcessWithoutNullStreams) {
    this.writer = new StreamMessageWriter(adapter.stdin);
    new StreamMessageReader(adapter.stdout).listen((message) => {
      // DAP shares the framing of JSON-RPC, not its messages.
      this.seen.push(message as unknown as DapMessage);
      for (const wake of this.wake.splice(0)) wake();
    });
  }

  send(command: string, args: object): void {
    const message = { seq: ++this.sequence, type: 'request', command, arguments: args };
    void this.writer.write(message as never);
  }

  async until(wanted: (message: DapMessage) => boolean): Promise<DapMessage> {
    for (;;) {
      const found = this.seen.find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.wake.push(resolve));
    }
  }

  async request(command: string, args: object): Promise<void> {
    this.send(command, args);
    const answer = await this.until((message) => message.type === 'response' && message.command === command);
    expect(answer).toMatchObject({ success: true });
  }
}

interface Running {
  readonly debug: Debugger;
  readonly adapter: ChildProcessWithoutNullStreams;
  readonly service: ChildProcessWithoutNullStreams;
}

describe.skipIf(requirement('go', 'delve', 'kernel').missing)('a lens in a running debug session', () => {
  let folder: string;
  let runtime: string;
  let editor: Editor;
  const started: ChildProcessWithoutNullStreams[] = [];
  beforeAll(async () => {
    folder = temporaryDirectory();
    runtime = temporaryDirectory();
    mkdirSync(join(runtime, 'run'), { mode: 0o700 });
    cpSync(fixtureSources('orders'), folder, { recursive: true });
    await build();
    editor = await Editor.start({ folder, controlDirectory: join(runtime, 'run/probelens') });
    await builtCommand();
  });
  afterAll(async () => {
    for (const child of started) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      // Adapters and the service end with their input.
      child.stdin.end();
      await exited;
    }
    await editor.destroy();
    rmSync(folder, { recursive: true, force: true });
    rmSync(runtime, { recursive: true, force: true });
  });

  const build = (...flags: readonly string[]) =>
    execa('go', ['build', '-o', 'orders', ...flags, '.'], { cwd: folder, env: { GOFLAGS: '-mod=mod', GOWORK: 'off' } });

  const serve = async (): Promise<ChildProcessWithoutNullStreams> => {
    const service = spawn(join(folder, 'orders'), ['serve', '2000']);
    started.push(service);
    await once(service.stdout, 'data');
    return service;
  };

  /** Attached, configured, and running. */
  const attach = async (service: ChildProcessWithoutNullStreams): Promise<Running> => {
    const env = { ...process.env, XDG_RUNTIME_DIR: join(runtime, 'run') };
    const adapter = spawn(process.execPath, [await builtCommand(), 'dap'], { cwd: folder, env, stdio: 'pipe' });
    // Before the service, which the adapter has to leave in order.
    started.unshift(adapter);
    adapter.stderr.pipe(process.stderr);
    const debug = new Debugger(adapter);
    await debug.request('initialize', { adapterID: 'probelens', linesStartAt1: true });
    debug.send('attach', { mode: 'local', processId: service.pid, delve: findDelve(), kernel: 'required' });
    await debug.until((message) => message.event === 'initialized');
    await debug.request('configurationDone', {});
    return { debug, adapter, service };
  };

  /** Disconnects without ending the service, which checks each of its results and ends well with its input. */
  const leave = async ({ debug, service }: Running): Promise<void> => {
    await debug.request('disconnect', { terminateDebuggee: false });
    service.stdin.end();
    expect(await once(service, 'exit')).toEqual([0, null]);
  };

  const lineOf = (text: string): number =>
    readFileSync(join(folder, 'order.go'), 'utf8')
      .split('\n')
      .findIndex((candidate) => candidate.startsWith(text)) + 1;

  /** NaN where the line's lens counts nothing. */
  const hits = async (uri: string, line: number): Promise<number> => {
    const title = (await editor.lensTexts(uri)).find((candidate) => candidate.startsWith(`${line}: probed - `));
    return Number(/probed - ([\d,]+) hit/.exec(title ?? '')?.[1]?.replaceAll(',', '') ?? Number.NaN);
  };

  test('is armed in the kernel, counts what the program does, and goes when taken back', async () => {
    const uri = await editor.open(join(folder, 'order.go'));
    const line = lineOf('func price(');
    const running = await attach(await serve());
    await editor.runLens(uri, line, /probe this function/);
    // Whether the session registered before or after the lens was run, the probe is set in it.
    await editor.until(async () => (await hits(uri, line)) > 500);
    const [before, refreshes, began] = [await hits(uri, line), editor.refreshes, performance.now()];
    await editor.until(async () => (await hits(uri, line)) > before + 1000);
    // However often the counts change: one refresh a second, and what was on its way at both ends.
    const seconds = Math.floor((performance.now() - began) / 1000);
    expect(editor.refreshes - refreshes).toBeLessThanOrEqual(seconds + 3);
    // A build beside the running one: the session does not run what is on the disk any more.
    await build('-ldflags=-X main.none=1');
    const old = () => (editor.diagnostics.get(uri) ?? []).find(({ code }) => code === 'old-session')?.message;
    await editor.until(() => old() !== undefined);
    expect(old()).toMatch(
      new RegExp(`^The debug session \\(process ${running.service.pid}\\) runs an older build of orders`),
    );
    await editor.runLens(uri, line, /probed/);
    expect(await editor.lensTexts(uri)).toContain(`${line}: probe this function`);
    await leave(running);
  }, 240_000);

  test('reaches all inlined copies, in the session that the person chose, and in the one that follows it', async () => {
    const uri = await editor.open(join(folder, 'order.go'));
    const line = lineOf('func notional(');
    const [one, two] = [await attach(await serve()), await attach(await serve())];
    editor.answer = (answers) => answers.find((answer) => answer.includes(`process ${one.service.pid}`));
    // Both are registered when the question is asked.
    await editor.until(async () => {
      await editor.execute('probelens.showTimeline');
      return editor.questions.length > 0;
    });
    expect(await editor.execute('probelens.showTimeline')).toMatch(/^(Timeline of|Nothing has been seen of) orders/);
    const asked = editor.questions[0] ?? [];
    expect(asked.map((title) => title.replace(/^\d\. /, '')).sort()).toEqual(
      [one, two].map(({ service }) => `orders (process ${service.pid})`).sort(),
    );
    await editor.runLens(uri, line, /probe all copies/);
    await editor.until(async () => (await hits(uri, line)) > 100);
    const texts = async () => JSON.stringify(await editor.execute('probelens.probes'));
    expect(await texts()).toContain('main.notional inlined do count');
    // Killed with its probe in: the target goes on, and the session that is left takes the probe over.
    const gone = once(one.adapter, 'exit');
    one.adapter.kill('SIGKILL');
    await gone;
    await editor.until(async () => (await hits(uri, line)) > 100);
    await leave(two);
    await editor.until(async () =>
      (await editor.lensTexts(uri)).includes(`${line}: probed when a debug session starts`),
    );
    const three = await attach(await serve());
    await editor.until(async () => (await hits(uri, line)) > 100);
    await editor.runLens(uri, line, /probed/);
    expect(await editor.lensTexts(uri)).toContain(`${line}: inlined into 1 caller: probe all copies`);
    await leave(three);
  }, 240_000);
});
