/** Folders, settings, binaries and sessions of one client, and what follows when any of them changes. */
import { basename, dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LiveSession } from '@probelens/probes/control';
import {
  type CodeAction,
  type Command,
  type InitializeParams,
  MessageType,
  type Range,
} from 'vscode-languageserver/node';
import { Binaries } from './binary/binaries.js';
import type { FunctionDescription } from './binary/protocol.js';
import type { ReadingProgress } from './binary/reader.js';
import type { Client, ProgressReport } from './client.js';
import type { Documents } from './documents.js';
import { closureActions } from './features/closure-action.js';
import { codeActions } from './features/code-action.js';
import type { CommandContext } from './features/commands.js';
import { diagnosticsOf } from './features/diagnostics.js';
import type { PlacedDraft } from './features/draft.js';
import { explain, explainFile } from './features/explain.js';
import { symbolOfView } from './features/offers.js';
import type { CursorCommand, ProbeCommand } from './features/probe-command.js';
import { namesVariables, probeDrafts, sessionDrafts } from './features/probe-diagnostics.js';
import { isShort, shortened } from './features/timeline.js';
import { type FileView, fileOf, unlessReplaced, viewFile } from './file-view.js';
import { Folders, isInside, real } from './folders.js';
import { moduleOf } from './module/go-module.js';
import type { WantedProbe } from './session/probe-book.js';
import { ProbeStore } from './session/probe-store.js';
import { Sessions } from './session/sessions.js';
import { defaultSettings, readSettings, type Settings } from './settings.js';
import { ShownTexts } from './shown-texts.js';
import type { GoDocument } from './source/go-document.js';
import { Throttle } from './throttle.js';

/** Milliseconds: counts change all the time, and every refresh makes the client ask for all its lenses. */
const refreshInterval = 1000;

/** Milliseconds after an edit until its diagnostics are worked out. */
const diagnosticDelay = 300;

/** Probes named in a message. */
const restoredShown = 5;

function restoredText(probes: readonly WantedProbe[]): string {
  const named = probes.slice(0, restoredShown).map(({ text }) => text);
  const rest = probes.length > named.length ? ` and ${probes.length - named.length} more` : '';
  return `Remembered from before, and set in the next debug session: ${named.join(', ')}${rest}. The lens of a function takes its probe back.`;
}

export class Workspace {
  readonly binaries: Binaries;
  readonly sessions: Sessions;
  settings: Settings = defaultSettings;
  private readonly folders: Folders;
  private readonly refresh: Throttle;
  /** Which of the workings-out of a document's diagnostics began last. */
  private readonly turns = new WeakMap<GoDocument, object>();
  private readonly delayed = new Map<string, NodeJS.Timeout>();
  private readonly progress = new Map<string, Promise<ProgressReport | undefined>>();
  private readonly said = new Set<string>();
  private settingProblems: readonly string[] = [];
  private isStarted = false;
  private diagnosed = '';
  private readonly initial: unknown;
  private readonly shown = new ShownTexts();

  constructor(
    readonly documents: Documents,
    private readonly client: Client,
    params: InitializeParams,
    controlDirectory: string | undefined,
  ) {
    this.folders = new Folders(params, () =>
      documents
        .all()
        .map(({ uri }) => fileOf(uri))
        .filter((file) => file !== undefined),
    );
    this.refresh = new Throttle(refreshInterval, () => client.refresh());
    this.binaries = new Binaries({
      setting: (file) => this.settingFor(file),
      otherModules: (module) => this.folders.modules().filter(({ root }) => root !== module?.root),
      sessions: (file) => this.sessionBinaries(file),
      onProgress: (progress) => void this.onProgress(progress),
      onChanged: () => this.onBinaryChanged(),
    });
    const { root } = this.folders;
    this.sessions = new Sessions(
      {
        concerns: (session) => this.folders.concerns(session),
        onChanged: () => this.onProbesChanged(),
        onProblem: (sentence) => client.say(MessageType.Warning, sentence),
        onRestored: (probes) => client.say(MessageType.Info, restoredText(probes)),
        choose: (sessions) => this.choose(sessions),
      },
      controlDirectory,
      root === undefined ? undefined : new ProbeStore(root, (sentence) => client.say(MessageType.Warning, sentence)),
    );
    this.binaries.prepare();
    this.initial = params.initializationOptions;
    this.applySettings(undefined);
  }

  /** After the client said that it is ready: nothing is shown before. */
  async start(): Promise<void> {
    this.isStarted = true;
    this.saySettingProblems();
    await this.reloadSettings(undefined);
    await this.sessions.start();
  }

  /** Asks the worker about one function of the binary that a view was made from. */
  async describe(view: FileView, name: string): Promise<readonly FunctionDescription[]> {
    if (view.binary.kind !== 'ready') return [];
    const { path, identity } = view.binary.summary;
    return unlessReplaced(this.binaries.describe({ path, identity, name }));
  }

  commandContext(): CommandContext {
    return {
      sessions: this.sessions,
      say: (type, sentence) => this.client.say(type, sentence),
      explain: (command) => this.explain(command),
      offerAt: (cursor) => this.offerAt(cursor),
      show: (text) => void this.show(text),
    };
  }

  /** What a range of a file has on offer, closures first. UTF-16. */
  async actionsOf(view: FileView, range: Range): Promise<readonly CodeAction[]> {
    const { book } = this.sessions;
    const closures = await closureActions(view, range.start, this.binaries, book);
    return [...closures, ...codeActions(view, range, book, this.sessions.live().length > 0)];
  }

  private async offerAt({ uri, position }: CursorCommand): Promise<Command | undefined> {
    const document = this.documents.get(uri);
    const view = document === undefined ? undefined : await this.view(document);
    if (document === undefined || view === undefined) return undefined;
    const place = document.placeFromClient(position);
    const [action] = await this.actionsOf(view, { start: place, end: place });
    return action?.command;
  }

  /** Short texts as a message, long ones as a document where the client can show one. */
  private async show(text: string): Promise<void> {
    const path = !isShort(text) && this.client.showsDocuments ? this.shown.write(text) : undefined;
    const isShown = path !== undefined && (await this.client.showDocument(pathToFileURL(path).href));
    if (!isShown) this.client.say(MessageType.Info, shortened(text));
  }

  private async explain({ function: symbol, uri }: ProbeCommand): Promise<string> {
    const document = uri === undefined ? undefined : this.documents.get(uri);
    const view = document === undefined ? undefined : await this.view(document);
    const fn = view?.functions.find((candidate) => symbolOfView(view, candidate) === symbol);
    if (view !== undefined && symbol === basename(view.file)) return explainFile(view);
    if (view === undefined || fn === undefined) return `${symbol} is not declared in an open file.`;
    return explain(view, fn);
  }

  view(document: GoDocument): Promise<FileView | undefined> {
    return viewFile(document, this.binaries);
  }

  /** @param pushed what didChangeConfiguration carried; clients that can be asked are asked instead. */
  async reloadSettings(pushed: unknown): Promise<void> {
    const asked = await this.client.configuration();
    const given = asked ?? pushed;
    if (given === undefined || given === null) return;
    this.applySettings(given);
    this.onBinaryChanged();
  }

  private applySettings(given: unknown): void {
    const { settings, problems } = readSettings(this.initial, given);
    this.settings = settings;
    this.settingProblems = problems;
    this.saySettingProblems();
  }

  private saySettingProblems(): void {
    if (!this.isStarted) return;
    for (const problem of this.settingProblems) this.sayOnce(problem);
  }

  private sayOnce(sentence: string): void {
    if (this.said.has(sentence)) return;
    this.said.add(sentence);
    this.client.say(MessageType.Warning, sentence);
  }

  private settingFor(file: string): string | undefined {
    const { binary } = this.settings;
    return binary === undefined ? undefined : this.folders.absolute(binary, file);
  }

  private async choose(sessions: readonly LiveSession[]): Promise<LiveSession | undefined> {
    const titles = sessions.map(
      ({ binary, debuggee, pid }, index) =>
        `${index + 1}. ${binary === undefined ? 'session' : basename(binary)} (process ${debuggee ?? pid})`,
    );
    const answer = await this.client.ask('Which debug session should be probed?', titles);
    return answer === undefined ? undefined : sessions[titles.indexOf(answer)];
  }

  private sessionBinaries(file: string): readonly string[] {
    const root = moduleOf(dirname(file))?.root;
    const binaries = this.sessions.live().map((session) => session.binary);
    return binaries
      .filter((path) => path !== undefined)
      .filter((path) => root === undefined || this.folders.areFew || isInside(real(path), real(root)));
  }

  private async onProgress({ path, percentage, message }: ReadingProgress): Promise<void> {
    if (percentage === 0) this.progress.set(path, this.client.beginProgress(`Reading ${basename(path)}`));
    const report = await this.progress.get(path);
    if (percentage < 100) {
      report?.report(percentage, message);
      return;
    }
    report?.end();
    this.progress.delete(path);
  }

  private onBinaryChanged(): void {
    this.refresh.request();
    for (const document of this.documents.all()) this.scheduleDiagnostics(document, 0);
  }

  /** Something may have made a new binary: look when next asked. */
  lookAgain(): void {
    this.binaries.rescan();
    this.onBinaryChanged();
  }

  scheduleDiagnostics(document: GoDocument, delay = diagnosticDelay): void {
    clearTimeout(this.delayed.get(document.uri));
    const timer = setTimeout(() => {
      this.delayed.delete(document.uri);
      this.publishDiagnostics(document).catch((error: unknown) =>
        this.sayOnce(`Diagnostics of ${basename(document.uri)} failed: ${String(error)}`),
      );
    }, delay);
    timer.unref();
    this.delayed.set(document.uri, timer);
  }

  private async publishDiagnostics(document: GoDocument): Promise<void> {
    const { version, uri } = document;
    const turn = {};
    this.turns.set(document, turn);
    const view = await this.view(document);
    const diagnostics =
      view === undefined ? [] : diagnosticsOf(view, this.settings.diagnostics, await this.newsOf(view));
    // An edit came meanwhile, or something else to say: those diagnostics are on their way.
    if (this.documents.get(uri) !== document || document.version !== version || this.turns.get(document) !== turn)
      return;
    this.client.publish({ uri, version, diagnostics });
  }

  /** What probes and sessions mean for a file. */
  private async newsOf(view: FileView): Promise<readonly PlacedDraft[]> {
    const { book } = this.sessions;
    const ofProbes = await probeDrafts(view, book.texts().filter(namesVariables), this.binaries);
    return [...ofProbes, ...sessionDrafts(view, this.sessions.live())];
  }

  /** Counts change all the time; what is diagnosed changes with the probes and sessions only. */
  private onProbesChanged(): void {
    this.refresh.request();
    const diagnosed = JSON.stringify([this.sessions.book.texts(), this.sessions.live()]);
    if (diagnosed === this.diagnosed) return;
    this.diagnosed = diagnosed;
    for (const document of this.documents.all()) this.scheduleDiagnostics(document, 0);
  }

  closed(uri: string): void {
    clearTimeout(this.delayed.get(uri));
    this.delayed.delete(uri);
    this.client.publish({ uri, diagnostics: [] });
  }

  async dispose(): Promise<void> {
    for (const timer of this.delayed.values()) clearTimeout(timer);
    this.refresh.dispose();
    this.sessions.dispose();
    this.shown.dispose();
    await this.binaries.dispose();
  }
}
