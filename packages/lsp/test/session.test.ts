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

describe.skipIf(requirement('go', 'delve', 'kernel').missing)('a lens in a running debug session', () => {
  let folder: string;
  let runtime: string;
  let editor: Editor;
  let adapter: ChildProcessWithoutNullStreams;
  let service: ChildProcessWithoutNullStreams;
  beforeAll(async () => {
    folder = temporaryDirectory();
    runtime = temporaryDirectory();
    mkdirSync(join(runtime, 'run'), { mode: 0o700 });
    cpSync(fixtureSources('orders'), folder, { recursive: true });
    await execa('go', ['build', '-o', 'orders', '.'], { cwd: folder, env: { GOFLAGS: '-mod=mod', GOWORK: 'off' } });
    editor = await Editor.start({ folder, controlDirectory: join(runtime, 'run/probelens') });
    service = spawn(join(folder, 'orders'), ['serve', '2000']);
    await once(service.stdout, 'data');
    const env = { ...process.env, XDG_RUNTIME_DIR: join(runtime, 'run') };
    adapter = spawn(process.execPath, [await builtCommand(), 'dap'], { cwd: folder, env, stdio: 'pipe' });
    adapter.stderr.pipe(process.stderr);
  });
  afterAll(async () => {
    service.stdin.end();
    if (adapter.exitCode === null && adapter.signalCode === null) {
      adapter.stdin.end();
      await once(adapter, 'exit');
    }
    await editor.destroy();
    rmSync(folder, { recursive: true, force: true });
    rmSync(runtime, { recursive: true, force: true });
  });

  test('is armed in the kernel, counts what the program does, and goes when taken back', async () => {
    const uri = await editor.open(join(folder, 'order.go'));
    const text = readFileSync(join(folder, 'order.go'), 'utf8').split('\n');
    const line = text.findIndex((candidate) => candidate.startsWith('func price(')) + 1;
    const debug = new Debugger(adapter);
    await debug.request('initialize', { adapterID: 'probelens', linesStartAt1: true });
    debug.send('attach', { mode: 'local', processId: service.pid, delve: findDelve(), kernel: 'required' });
    await debug.until((message) => message.event === 'initialized');
    await debug.request('configurationDone', {});
    await editor.runLens(uri, line, /probe this function/);
    // Whether the session registered before or after the lens was run, the probe is set in it.
    const hits = async (): Promise<number> => {
      const title = (await editor.lensTexts(uri)).find((candidate) => candidate.startsWith(`${line}: probed - `));
      return Number(/probed - ([\d,]+) hit/.exec(title ?? '')?.[1]?.replaceAll(',', '') ?? Number.NaN);
    };
    await editor.until(async () => (await hits()) > 500);
    const [before, refreshes] = [await hits(), editor.refreshes];
    await editor.until(async () => (await hits()) > before + 1000);
    // 1,000 hits are half a second of the program: that many counts cost one refresh, or two.
    expect(editor.refreshes - refreshes).toBeLessThanOrEqual(3);
    // A build beside the running one: the session does not run what is on the disk any more.
    await execa('go', ['build', '-o', 'orders', '-ldflags=-X main.none=1', '.'], {
      cwd: folder,
      env: { GOFLAGS: '-mod=mod', GOWORK: 'off' },
    });
    const old = () => (editor.diagnostics.get(uri) ?? []).find(({ code }) => code === 'old-session')?.message;
    await editor.until(() => old() !== undefined);
    expect(old()).toMatch(new RegExp(`^The debug session \\(process ${service.pid}\\) runs an older build of orders`));
    await editor.runLens(uri, line, /probed/);
    expect(await editor.lensTexts(uri)).toContain(`${line}: probe this function`);
    await debug.request('disconnect', { terminateDebuggee: false });
    // The service checks each of its results; it ends with its input, and well.
    service.stdin.end();
    expect(await once(service, 'exit')).toEqual([0, null]);
  });
});
