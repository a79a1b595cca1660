/** A small editor: starts the real server, opens files, remembers what it was told. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { execa } from 'execa';
import { afterAll } from 'vitest';
import {
  type ClientCapabilities,
  type CodeAction,
  CodeActionRequest,
  type CodeLens,
  CodeLensRefreshRequest,
  CodeLensRequest,
  createProtocolConnection,
  type Diagnostic,
  DidChangeTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DidSaveTextDocumentNotification,
  ExecuteCommandRequest,
  ExitNotification,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  type InitializeResult,
  InlayHintRequest,
  type MarkupContent,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  ShowDocumentRequest,
  ShowMessageNotification,
  ShowMessageRequest,
  ShutdownRequest,
  StreamMessageReader,
  StreamMessageWriter,
  type TextDocumentContentChangeEvent,
  WorkDoneProgress,
  WorkDoneProgressCreateRequest,
} from 'vscode-languageserver/node';

let program: Promise<string> | undefined;

/** The server and its worker as the command carries them, built once for a test file. */
export function serverProgram(): Promise<string> {
  program ??= (async () => {
    const outdir = temporaryDirectory();
    // What stays outside of the bundle is found where the command finds it.
    const dependencies = fileURLToPath(new URL('../../cli/node_modules', import.meta.url));
    symlinkSync(dependencies, join(outdir, 'node_modules'));
    const grammar = createRequire(import.meta.url).resolve('tree-sitter-go/tree-sitter-go.wasm');
    copyFileSync(grammar, join(outdir, 'tree-sitter-go.wasm'));
    await build({
      entryPoints: {
        main: fileURLToPath(new URL('server-process.ts', import.meta.url)),
        'lsp-worker': fileURLToPath(new URL('../src/binary/worker.ts', import.meta.url)),
      },
      outdir,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      conditions: ['@probelens/source'],
      external: ['koffi', 'iced-x86', 'web-tree-sitter'],
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
    });
    return join(outdir, 'main.js');
  })();
  return program;
}

export interface EditorOptions {
  readonly folder: string;
  readonly controlDirectory: string;
  /** Where the server remembers probes; a directory of its own by default. */
  readonly stateHome?: string;
  readonly capabilities?: ClientCapabilities;
  readonly initializationOptions?: unknown;
}

const usual: ClientCapabilities = {
  window: { workDoneProgress: true },
  workspace: { codeLens: { refreshSupport: true } },
};

export class Editor {
  readonly messages: string[] = [];
  readonly progress: { readonly kind: string; readonly title?: string }[] = [];
  readonly diagnostics = new Map<string, readonly Diagnostic[]>();
  /** Texts of the documents that the server had shown, as they were then. */
  readonly shown: string[] = [];
  readonly shownFiles: string[] = [];
  refreshes = 0;
  /** What was asked, and which of the answers the person takes. */
  readonly questions: (readonly string[])[] = [];
  answer: (answers: readonly string[]) => string | undefined = () => undefined;
  private readonly versions = new Map<string, number>();
  private wake: (() => void)[] = [];

  private constructor(
    readonly connection: ProtocolConnection,
    readonly ended: Promise<number | undefined>,
    readonly initialized: InitializeResult,
    private readonly kill: () => void,
    private readonly closeInput: () => void,
  ) {}

  static async start(options: EditorOptions): Promise<Editor> {
    const child = execa('node', [await serverProgram(), options.controlDirectory], {
      stdin: 'pipe',
      stderr: 'inherit',
      // Nothing that a test probes is remembered for the person who runs it.
      env: { XDG_STATE_HOME: options.stateHome ?? temporaryDirectory() },
      buffer: false,
      reject: false,
    });
    const connection = createProtocolConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    connection.listen();
    const ended = child.then((result) => result.exitCode);
    const died = ended.then((code) => {
      throw new Error(`the server ended with exit code ${code} before it answered`);
    });
    const request = connection.sendRequest(InitializeRequest.type, {
      processId: process.pid,
      rootUri: pathToFileURL(options.folder).href,
      workspaceFolders: [{ uri: pathToFileURL(options.folder).href, name: 'test' }],
      capabilities: options.capabilities ?? usual,
      initializationOptions: options.initializationOptions,
    });
    const initialized = await Promise.race([request, died]);
    died.catch(() => undefined);
    const editor = new Editor(
      connection,
      ended,
      initialized,
      () => child.kill('SIGKILL'),
      () => child.stdin.end(),
    );
    editor.listen();
    await connection.sendNotification(InitializedNotification.type, {});
    return editor;
  }

  private listen(): void {
    const heard = (): void => {
      for (const wake of this.wake.splice(0)) wake();
    };
    this.connection.onNotification(ShowMessageNotification.type, ({ message }) => {
      this.messages.push(message);
      heard();
    });
    this.connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
      this.diagnostics.set(uri, diagnostics);
      heard();
    });
    this.connection.onRequest(ShowMessageRequest.type, ({ actions }) => {
      const titles = (actions ?? []).map(({ title }) => title);
      this.questions.push(titles);
      const title = this.answer(titles);
      return title === undefined ? null : { title };
    });
    this.connection.onRequest(ShowDocumentRequest.type, ({ uri }) => {
      this.shownFiles.push(fileURLToPath(uri));
      this.shown.push(readFileSync(fileURLToPath(uri), 'utf8'));
      heard();
      return { success: true };
    });
    this.connection.onRequest(CodeLensRefreshRequest.type, () => {
      this.refreshes++;
      heard();
    });
    this.connection.onRequest(WorkDoneProgressCreateRequest.type, ({ token }) => {
      this.connection.onProgress(WorkDoneProgress.type, token, (value) => {
        this.progress.push(value);
        heard();
      });
    });
  }

  /** Resolves when `wanted` holds, looked at after everything that the server says. */
  async until(wanted: () => boolean | Promise<boolean>): Promise<void> {
    for (;;) {
      const next = new Promise<void>((resolve) => this.wake.push(resolve));
      if (await wanted()) return;
      await next;
    }
  }

  uri(file: string): string {
    return pathToFileURL(file).href;
  }

  /** Opens with the text on disk unless another is given. */
  async open(file: string, text = readFileSync(file, 'utf8')): Promise<string> {
    const uri = this.uri(file);
    this.versions.set(uri, 1);
    await this.connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri, languageId: 'go', version: 1, text },
    });
    return uri;
  }

  async change(uri: string, contentChanges: TextDocumentContentChangeEvent[]): Promise<void> {
    const version = (this.versions.get(uri) ?? 0) + 1;
    this.versions.set(uri, version);
    await this.connection.sendNotification(DidChangeTextDocumentNotification.type, {
      textDocument: { uri, version },
      contentChanges,
    });
  }

  async saved(uri: string): Promise<void> {
    await this.connection.sendNotification(DidSaveTextDocumentNotification.type, { textDocument: { uri } });
  }

  async lenses(uri: string): Promise<readonly CodeLens[]> {
    return (await this.connection.sendRequest(CodeLensRequest.type, { textDocument: { uri } })) ?? [];
  }

  /** "31: probe this function", lines from 1. */
  async lensTexts(uri: string): Promise<readonly string[]> {
    return (await this.lenses(uri)).map((lens) => `${lens.range.start.line + 1}: ${lens.command?.title}`);
  }

  /** Line from 1, column from 0. */
  async actions(uri: string, line: number, character = 0, only?: string[]): Promise<readonly CodeAction[]> {
    const place = { line: line - 1, character };
    const found = await this.connection.sendRequest(CodeActionRequest.type, {
      textDocument: { uri },
      range: { start: place, end: place },
      context: only === undefined ? { diagnostics: [] } : { diagnostics: [], only },
    });
    return (found ?? []).filter(
      (action): action is CodeAction => 'command' in action && typeof action.command === 'object',
    );
  }

  /** The text above a position, undefined where there is none. Line from 1, column from 0. */
  async hover(uri: string, line: number, character: number): Promise<string | undefined> {
    const found = await this.connection.sendRequest(HoverRequest.type, {
      textDocument: { uri },
      position: { line: line - 1, character },
    });
    return found === null || !('value' in Object(found.contents)) ? undefined : (found.contents as MarkupContent).value;
  }

  /** "31:12 inlined", lines from 1. */
  async hints(uri: string): Promise<readonly string[]> {
    const found = await this.connection.sendRequest(InlayHintRequest.type, {
      textDocument: { uri },
      range: { start: { line: 0, character: 0 }, end: { line: 100_000, character: 0 } },
    });
    return (found ?? []).map(({ position, label }) => `${position.line + 1}:${position.character} ${label}`);
  }

  async execute(command: string, args: readonly unknown[] = []): Promise<unknown> {
    return this.connection.sendRequest(ExecuteCommandRequest.type, { command, arguments: [...args] });
  }

  /** Runs the first lens on a line whose title the pattern finds. */
  async runLens(uri: string, line: number, title: RegExp): Promise<void> {
    const lens = (await this.lenses(uri)).find(
      (candidate) => candidate.range.start.line === line - 1 && title.test(candidate.command?.title ?? ''),
    );
    if (lens?.command === undefined) throw new Error(`no lens ${title} on line ${line}`);
    await this.execute(lens.command.command, lens.command.arguments);
  }

  /** As a client ends: `shutdown`, `exit`. Resolves with the server's exit code. */
  async quit(): Promise<number | undefined> {
    await this.connection.sendRequest(ShutdownRequest.type);
    await this.connection.sendNotification(ExitNotification.type);
    const code = await this.ended;
    this.connection.dispose();
    return code;
  }

  /** As a client that dies. Resolves with the server's exit code. */
  hangUp(): Promise<number | undefined> {
    this.closeInput();
    return this.ended;
  }

  /** For the end of a test that may have failed in the middle. */
  async destroy(): Promise<void> {
    this.kill();
    await this.ended;
    this.connection.dispose();
  }
}

const temporary: string[] = [];
// Vitest ends its processes without an 'exit' event.
afterAll(() => {
  for (const directory of temporary.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** Removed at the end of the test file at the latest. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'probelens-lsp-'));
  temporary.push(directory);
  return directory;
}
