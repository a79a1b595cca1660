/** The live debug sessions of this workspace: connected as they appear, told what is wanted, asked for hits. */
import {
  type ControlClient,
  type ControlTimeline,
  connectControl,
  isControlError,
  type LiveSession,
  type SessionWatch,
  watchSessions,
} from '@probelens/probes/control';
import { ProbeBook, type WantedProbe } from './probe-book.js';
import type { ProbeStore } from './probe-store.js';

export interface SessionHooks {
  /** Whether a session debugs something of this workspace. */
  concerns(session: LiveSession): boolean;
  /** Probes, hits or sessions changed. */
  onChanged(): void;
  /** What earlier runs of the server left to be probed; at the start, at least one. */
  onRestored(probes: readonly WantedProbe[]): void;
  /** A sentence for the person. */
  onProblem(sentence: string): void;
  /** Asks the person; undefined when there was no answer. At least two sessions, newest first. */
  choose(sessions: readonly LiveSession[]): Promise<LiveSession | undefined>;
}

export type ProbeOutcome =
  | { readonly kind: 'added'; readonly session: LiveSession }
  /** Kept until there is a session. */
  | { readonly kind: 'kept' }
  | { readonly kind: 'refused'; readonly message: string };

const sentenceOf = (error: unknown): string => {
  if (isControlError(error)) return error.message;
  // The system's own refusals: no watches left, no room, a directory that went away.
  const reason = error instanceof Error ? error.message : String(error);
  return `Debug sessions cannot be found: ${reason}.`;
};

export class Sessions {
  readonly book = new ProbeBook();
  private readonly clients = new Map<string, ControlClient>();
  private readonly connecting = new Map<string, Promise<void>>();
  private starting: Promise<void> | undefined;
  private sessions: readonly LiveSession[] = [];
  private watch: SessionWatch | undefined;
  private disposed = false;
  private chosen: string | undefined;

  constructor(
    private readonly hooks: SessionHooks,
    private readonly directory: string | undefined,
    /** Undefined where nothing is remembered. */
    private readonly store: ProbeStore | undefined,
  ) {}

  /** A directory that is not ours alone is said once, and no session is looked for. */
  start(): Promise<void> {
    this.starting ??= this.open();
    return this.starting;
  }

  /** Resolves when every session that there is now is connected or given up. */
  private async settled(): Promise<void> {
    await this.starting;
    // The watch may not have told yet of one that started a moment ago.
    await this.watch?.look().catch((error: unknown) => this.hooks.onProblem(sentenceOf(error)));
    await Promise.all(this.connecting.values());
  }

  private async open(): Promise<void> {
    const restored = this.store?.read() ?? [];
    for (const probe of restored) this.book.want(probe);
    if (restored.length > 0) this.hooks.onRestored(restored);
    try {
      const opened = await watchSessions(
        (sessions) => this.onSessions(sessions),
        (error) => this.hooks.onProblem(sentenceOf(error)),
        this.directory,
      );
      if (this.disposed) opened.close();
      this.watch = opened;
    } catch (error) {
      this.hooks.onProblem(sentenceOf(error));
    }
  }

  /** Of this workspace and connected, newest first. */
  live(): readonly LiveSession[] {
    return this.sessions.filter((session) => this.clients.has(session.id));
  }

  private onSessions(sessions: readonly LiveSession[]): void {
    this.sessions = sessions.filter((session) => this.hooks.concerns(session));
    for (const session of this.sessions) {
      if (this.clients.has(session.id) || this.connecting.has(session.id)) continue;
      const connecting = this.connect(session).finally(() => this.connecting.delete(session.id));
      this.connecting.set(session.id, connecting);
    }
    this.hooks.onChanged();
  }

  private async connect(session: LiveSession): Promise<void> {
    try {
      const client = await connectControl(session);
      client.onChanged((probes) => {
        this.book.update(session.id, probes);
        this.hooks.onChanged();
      });
      client.onClosed(() => this.onClosed(session.id));
      this.book.openSession(session.id, await client.list());
      if (this.disposed) return client.dispose();
      this.clients.set(session.id, client);
      for (const probe of this.book.missing(session.id)) await this.add(client, probe);
      this.hooks.onChanged();
    } catch (error) {
      // It ended between the listing and the connection, or is no session of ours: the next listing tells.
      if (!isControlError(error)) throw error;
      this.book.closeSession(session.id);
    }
  }

  private onClosed(id: string): void {
    this.clients.delete(id);
    this.book.closeSession(id);
    this.sessions = this.sessions.filter((session) => session.id !== id);
    if (this.disposed) return;
    this.hooks.onChanged();
    void this.addMissing();
    this.watch?.look().catch((error: unknown) => this.hooks.onProblem(sentenceOf(error)));
  }

  /** What was wanted from a session that ended goes to the newest of those that are left. */
  private async addMissing(): Promise<void> {
    const [session] = this.live();
    const client = session === undefined ? undefined : this.clients.get(session.id);
    if (client === undefined) return;
    for (const probe of this.book.missing(client.session.id)) {
      if (this.book.probesOf(probe.symbol).length === 0) await this.add(client, probe);
    }
    this.hooks.onChanged();
  }

  private async add(client: ControlClient, probe: WantedProbe): Promise<string | undefined> {
    try {
      this.book.update(client.session.id, [await client.add({ text: probe.text })]);
      return undefined;
    } catch (error) {
      const message = sentenceOf(error);
      this.hooks.onProblem(`${probe.text}: ${message}`);
      return message;
    }
  }

  /** The one that the person chose last, while it lives; asked for where there are several. No answer: the newest. */
  private async chosenSession(): Promise<LiveSession | undefined> {
    const live = this.live();
    if (live.length < 2) return live[0];
    const before = live.find((session) => session.id === this.chosen);
    if (before !== undefined) return before;
    const session = (await this.hooks.choose(live)) ?? live[0];
    this.chosen = session?.id;
    return session;
  }

  /** Adds to a session of the workspace, or keeps the probe until there is one. */
  async probe(probe: WantedProbe): Promise<ProbeOutcome> {
    await this.settled();
    const session = await this.chosenSession();
    this.book.want(probe);
    const client = session === undefined ? undefined : this.clients.get(session.id);
    if (session === undefined || client === undefined) {
      this.remember(probe);
      this.hooks.onChanged();
      return { kind: 'kept' };
    }
    const refusal = await this.add(client, probe);
    if (refusal === undefined) this.remember(probe);
    else this.book.unwantText(probe.text);
    this.hooks.onChanged();
    return refusal === undefined ? { kind: 'added', session } : { kind: 'refused', message: refusal };
  }

  private remember(probe: WantedProbe): void {
    this.store?.change((probes) => [...probes.filter(({ text }) => text !== probe.text), probe]);
  }

  /** Takes back what was wanted for the function and removes its probes from every session. Number removed. */
  async unprobe(symbol: string): Promise<number> {
    await this.settled();
    const listed = this.book.probesOf(symbol);
    const wanted = this.book.unwant(symbol);
    this.store?.change((probes) => probes.filter((probe) => probe.symbol !== symbol));
    for (const { session, probe } of listed) {
      const client = this.clients.get(session);
      if (client === undefined) continue;
      try {
        this.book.update(session, [await client.remove(probe.id)]);
      } catch (error) {
        this.hooks.onProblem(sentenceOf(error));
      }
    }
    this.hooks.onChanged();
    return Math.max(listed.length, wanted.length);
  }

  /** Of the session that the person means; undefined where there is none or it refuses, which is said. */
  async timeline(
    goroutine: number | undefined,
  ): Promise<{ readonly session: LiveSession; readonly timeline: ControlTimeline } | undefined> {
    await this.settled();
    const session = await this.chosenSession();
    const client = session === undefined ? undefined : this.clients.get(session.id);
    if (session === undefined || client === undefined) {
      this.hooks.onProblem(
        'No debug session of this workspace is running, so there is no timeline; start one with the probelens debug adapter.',
      );
      return undefined;
    }
    try {
      return { session, timeline: await client.timeline(goroutine) };
    } catch (error) {
      this.hooks.onProblem(sentenceOf(error));
      return undefined;
    }
  }

  dispose(): void {
    this.disposed = true;
    this.watch?.close();
    for (const client of this.clients.values()) client.dispose();
  }
}
