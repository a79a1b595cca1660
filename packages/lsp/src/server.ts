/** The language server's wiring: one line per message. What the lines do is in the files that they name. */

import type { Readable } from 'node:stream';
import { goParser } from '@probelens/probes';
import { BoundedReader } from '@probelens/probes/control';
import { FrameError } from '@probelens/probes/framing';
import {
  type CancellationToken,
  CodeActionRequest,
  CodeLensRequest,
  createProtocolConnection,
  DidChangeConfigurationNotification,
  DidChangeTextDocumentNotification,
  DidChangeWatchedFilesNotification,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DidSaveTextDocumentNotification,
  ExecuteCommandRequest,
  ExitNotification,
  HoverRequest,
  InitializedNotification,
  type InitializeParams,
  InitializeRequest,
  type InitializeResult,
  InlayHintRequest,
  LSPErrorCodes,
  type ProtocolConnection,
  ResponseError,
  ShutdownRequest,
  StreamMessageWriter,
  TextDocumentSyncKind,
} from 'vscode-languageserver/node';
import { Client } from './client.js';
import { Documents } from './documents.js';
import { codeLenses } from './features/code-lens.js';
import { executeCommand } from './features/commands.js';
import { functionAt, hoverOf, hoverText } from './features/hover.js';
import { inlayHints } from './features/inlay-hints.js';
import { actionKind, commandNames } from './features/probe-command.js';
import { type FileView, inlinedCalls } from './file-view.js';
import { chooseUnits, type PositionUnits } from './source/positions.js';
import { Workspace } from './workspace.js';

export interface LanguageServerOptions {
  /** Language Server Protocol, Content-Length framed. */
  readonly input: Readable;
  readonly output: NodeJS.WritableStream;
  /** Version of Probelens, told to the client. */
  readonly version: string;
  /** Where live debug sessions are registered; the user's own directory by default. */
  readonly controlDirectory?: string;
}

/** Bytes. The largest are whole documents. */
const messageLimit = 64 * 1024 * 1024;

/** Kinds are hierarchical: "a" asks for "a.b", too, and the empty one for all. */
const isWanted = (kind: string, only: readonly string[] | undefined): boolean =>
  only === undefined || only.some((asked) => asked === '' || kind === asked || kind.startsWith(`${asked}.`));

const capabilitiesOf = (units: PositionUnits): InitializeResult['capabilities'] => ({
  positionEncoding: units,
  textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
  codeLensProvider: { resolveProvider: false },
  codeActionProvider: { codeActionKinds: [actionKind] },
  hoverProvider: true,
  inlayHintProvider: true,
  // Every command by name, or Neovim refuses to send it.
  executeCommandProvider: { commands: Object.values(commandNames) },
});

/** What every request about an open file begins with. Rejects with "request cancelled" when nobody waits any more. */
async function viewFor(workspace: Workspace, uri: string, token: CancellationToken): Promise<FileView | undefined> {
  const document = workspace.documents.get(uri);
  const view = document === undefined ? undefined : await workspace.view(document);
  if (token.isCancellationRequested) throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
  return view;
}

function registerDocuments(connection: ProtocolConnection, workspace: Workspace): void {
  const { documents } = workspace;
  connection.onNotification(DidOpenTextDocumentNotification.type, (params) => {
    const document = documents.didOpen(params);
    if (document !== undefined) workspace.scheduleDiagnostics(document, 0);
  });
  connection.onNotification(DidChangeTextDocumentNotification.type, (params) => {
    const document = documents.didChange(params);
    if (document !== undefined) workspace.scheduleDiagnostics(document);
  });
  connection.onNotification(DidSaveTextDocumentNotification.type, () => workspace.lookAgain());
  connection.onNotification(DidChangeWatchedFilesNotification.type, () => workspace.lookAgain());
  connection.onNotification(DidCloseTextDocumentNotification.type, (params) => {
    documents.didClose(params);
    workspace.closed(params.textDocument.uri);
  });
}

function registerFeatures(connection: ProtocolConnection, workspace: Workspace): void {
  const { sessions } = workspace;
  const isLive = (): boolean => sessions.live().length > 0;
  connection.onNotification(DidChangeConfigurationNotification.type, ({ settings }) =>
    workspace.reloadSettings(settings),
  );
  connection.onRequest(CodeLensRequest.type, async ({ textDocument }, token) => {
    if (!workspace.settings.codeLens) return [];
    const view = await viewFor(workspace, textDocument.uri, token);
    return view === undefined ? [] : codeLenses(view, sessions.book, isLive());
  });
  connection.onRequest(CodeActionRequest.type, async ({ textDocument, range, context }, token) => {
    // Editors that organize imports on every save apply whatever they are given.
    if (!isWanted(actionKind, context.only)) return [];
    const view = await viewFor(workspace, textDocument.uri, token);
    if (view === undefined) return [];
    return [...(await workspace.actionsOf(view, view.document.rangeFromClient(range)))];
  });
  connection.onRequest(HoverRequest.type, async ({ textDocument, position }, token) => {
    const view = await viewFor(workspace, textDocument.uri, token);
    const fn = view && functionAt(view, view.document.placeFromClient(position));
    if (view === undefined || fn === undefined) return null;
    return hoverOf(view, fn, await hoverText(view, fn, (name) => workspace.describe(view, name)));
  });
  connection.onRequest(InlayHintRequest.type, async ({ textDocument, range }, token) => {
    if (!workspace.settings.inlayHints) return [];
    const view = await viewFor(workspace, textDocument.uri, token);
    if (view === undefined) return [];
    return inlayHints(view, await inlinedCalls(view, workspace.binaries), [range.start.line, range.end.line + 1]);
  });
  connection.onRequest(ExecuteCommandRequest.type, ({ command, arguments: args }) =>
    executeCommand(workspace.commandContext(), command, args),
  );
}

async function initialize(
  connection: ProtocolConnection,
  params: InitializeParams,
  options: LanguageServerOptions,
): Promise<{ readonly workspace: Workspace; readonly result: InitializeResult }> {
  const units = chooseUnits(params.capabilities.general?.positionEncodings);
  const documents = new Documents(await goParser(), units);
  const workspace = new Workspace(documents, new Client(connection, params), params, options.controlDirectory);
  registerDocuments(connection, workspace);
  registerFeatures(connection, workspace);
  connection.onNotification(InitializedNotification.type, () => workspace.start());
  const serverInfo = { name: 'probelens', version: options.version };
  return { workspace, result: { capabilities: capabilitiesOf(units), serverInfo } };
}

/**
 * Serves one client until it says `exit` or its stream ends.
 * Resolves with the exit code: 0 after a `shutdown` request, 1 without.
 */
export function serveLanguage(options: LanguageServerOptions): Promise<number> {
  const reader = new BoundedReader({ stream: options.input, limit: messageLimit });
  const connection = createProtocolConnection(reader, new StreamMessageWriter(options.output));
  let workspace: Workspace | undefined;
  let isShutDown = false;
  return new Promise((resolve) => {
    const end = (): void => {
      const stopped = workspace?.dispose() ?? Promise.resolve();
      workspace = undefined;
      // An open stdin would keep the process alive.
      options.input.pause();
      stopped.finally(() => resolve(isShutDown ? 0 : 1));
    };
    connection.onRequest(InitializeRequest.type, async (params) => {
      const initialized = await initialize(connection, params, options);
      workspace = initialized.workspace;
      return initialized.result;
    });
    connection.onRequest(ShutdownRequest.type, () => {
      isShutDown = true;
    });
    connection.onNotification(ExitNotification.type, () => {
      end();
      connection.dispose();
    });
    connection.onClose(end);
    connection.onError(([error]) => {
      if (!(error instanceof FrameError)) return;
      process.stderr.write(`probelens lsp: ended, because what came is no message of its protocol: ${error.message}\n`);
      end();
    });
    // A client that died says neither `shutdown` nor `exit`.
    options.input.once('end', end);
    connection.listen();
  });
}
