/**
 * An editor with the language server beside a running session: the lens above a function is carried out, the session
 * counts, the lens shows the count. The program is never stopped.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type CodeLens,
  CodeLensRefreshRequest,
  CodeLensRequest,
  createProtocolConnection,
  DidOpenTextDocumentNotification,
  ExecuteCommandRequest,
  ExitNotification,
  InitializedNotification,
  InitializeRequest,
  type ProtocolConnection,
  ShowMessageNotification,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import { fixtureSources } from '../fixture-build.js';
import { thousands } from './page.js';
import type { Program } from './programs.js';
import { Service } from './service.js';
import type { Stage } from './stage.js';

class Editor {
  readonly #connection: ProtocolConnection;
  readonly #uri: string;
  readonly #text: string;
  readonly #closed: Promise<void>;
  readonly messages: string[] = [];
  /** Called when the server says that its lenses changed. */
  #onRefresh: () => void = () => undefined;

  private constructor(stage: Stage, file: string) {
    const [node = '', ...rest] = stage.command;
    const server = spawn(node, [...rest, 'lsp'], { env: { ...process.env, ...stage.env }, detached: true });
    this.#closed = new Promise((resolve) => server.once('close', () => resolve()));
    stage.cleanup.add(() => {
      server.stdin.end();
      return this.#closed;
    });
    this.#uri = pathToFileURL(file).href;
    this.#text = readFileSync(file, 'utf8');
    this.#connection = createProtocolConnection(
      new StreamMessageReader(server.stdout),
      new StreamMessageWriter(server.stdin),
    );
    this.#connection.onNotification(ShowMessageNotification.type, ({ message }) => {
      this.messages.push(message);
    });
    this.#connection.onRequest(CodeLensRefreshRequest.type, () => this.#onRefresh());
    this.#connection.listen();
  }

  /** `binary` is the setting of that name; without it the server looks at what the running session debugs. */
  static async open(stage: Stage, file: string, binary?: string): Promise<Editor> {
    const editor = new Editor(stage, file);
    await editor.#connection.sendRequest(InitializeRequest.type, {
      processId: process.pid,
      rootUri: pathToFileURL(stage.root).href,
      workspaceFolders: [{ uri: pathToFileURL(stage.root).href, name: 'demo' }],
      initializationOptions: binary === undefined ? {} : { binary },
      capabilities: { workspace: { codeLens: { refreshSupport: true } } },
    });
    await editor.#connection.sendNotification(InitializedNotification.type, {});
    await editor.#connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri: editor.#uri, languageId: 'go', version: 1, text: editor.#text },
    });
    return editor;
  }

  /** Lenses above the declaration of `name`. */
  async lenses(name: string): Promise<readonly CodeLens[]> {
    const line = this.#text.split('\n').findIndex((text) => text.startsWith(`func ${name}(`));
    const all = await this.#connection.sendRequest(CodeLensRequest.type, { textDocument: { uri: this.#uri } });
    return (all ?? []).filter(({ range }) => range.start.line === line);
  }

  /** The first lens of `name` whose title matches, asked for again whenever the server says that something changed. */
  async lens(name: string, title: RegExp): Promise<CodeLens> {
    const limit = Date.now() + 20_000;
    while (Date.now() < limit) {
      const changed = new Promise<void>((resolve) => {
        this.#onRefresh = resolve;
      });
      const found = (await this.lenses(name)).find(({ command }) => title.test(command?.title ?? ''));
      if (found !== undefined) return found;
      await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
    throw new Error(`no lens ${title.source} above ${name}; the server said: ${this.messages.join(' ') || 'nothing'}`);
  }

  async execute({ command }: CodeLens): Promise<void> {
    if (command === undefined) throw new Error('the lens has no command');
    const { command: name, arguments: args = [] } = command;
    await this.#connection.sendRequest(ExecuteCommandRequest.type, { command: name, arguments: args });
  }

  async close(): Promise<void> {
    await this.#connection.sendRequest(ShutdownRequest.type);
    await this.#connection.sendNotification(ExitNotification.type);
    await this.#closed;
  }
}

const hitsOf = ({ command }: CodeLens): number =>
  Number(/([\d,]+) hits?/.exec(command?.title ?? '')?.[1]?.replaceAll(',', '') ?? 0);

/** What a person sees of the source without any session; works without privileges. */
export const demonstrateLenses = async (stage: Stage, program: Program): Promise<void> => {
  const { page } = stage;
  const editor = await Editor.open(stage, join(fixtureSources('orders'), 'order.go'), program.path);
  const probe = await editor.lens('price', /^probe this function/);
  const inlined = await editor.lens('notional', /^inlined into \d+ caller/);
  await editor.close();
  page.line(`    ${probe.command?.title}`);
  page.line('    func price(o *Order, mult int) (float64, error)');
  page.line(`    ${inlined.command?.title}`);
  page.line('    func notional(o *Order) float64');
  page.check(true, 'the language server offers probes, and says what the compiler inlined away');
};

/** Number of hits that the lens showed. */
export const demonstrateEditor = async (stage: Stage, program: Program): Promise<number> => {
  const { page } = stage;
  const service = await Service.start(stage, program);
  const session = stage.session();
  await session.attach(service.pid, { kernel: 'required', breakpoints: [] });
  const editor = await Editor.open(stage, join(fixtureSources('orders'), 'order.go'));
  const offer = await editor.lens('price', /^probe this function/);
  page.line(`    ${offer.command?.title}`);
  page.line('    func price(o *Order, mult int) (float64, error)');
  await editor.execute(offer);
  const counting = await editor.lens('price', /probed - [\d,]{4,} hits/);
  page.line(`    ${counting.command?.title}`);
  const hits = hitsOf(counting);
  await editor.execute(counting);
  await editor.lens('price', /^probe this function/);
  await editor.close();
  await session.request('disconnect', { terminateDebuggee: false });
  await session.close();
  const quiet = await stage.quiet([service.pid]);
  const left = stage.leftovers([service.pid]);
  const report = await service.finish();
  page.check(
    hits > 0 && report !== undefined && hits <= report.calls && report.wrong === 0,
    'the session counts what was probed from the source, and never stops',
    `${thousands(hits)} hits of ${thousands(report?.calls ?? 0)} calls`,
  );
  page.check(quiet, 'nothing is left behind', left);
  return hits;
};
