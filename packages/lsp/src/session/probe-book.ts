/** What is probed in the live sessions and what waits for one. Pure; the sockets are elsewhere. */
import { parseProbeText } from '@probelens/probes';
import type { ControlProbe } from '@probelens/probes/control';
import { withoutTypeArguments } from '../module/symbol-name.js';

/** A probe that the person asked for here; it is added to every session of the workspace until taken back. */
export interface WantedProbe {
  readonly text: string;
  /** Function without type arguments. */
  readonly symbol: string;
}

export interface ProbeStatus {
  /** Executions since the probes were armed, over all sessions. */
  readonly hits: number;
  /** waiting: there is no session yet, or its program does not run yet. */
  readonly state: 'armed' | 'waiting' | 'failed';
  /** Why it failed. */
  readonly message: string | undefined;
}

export interface ListedProbe {
  readonly session: string;
  readonly probe: ControlProbe;
}

/**
 * Function that a probe is on: as we asked, else as the session says, else as its text says. What we asked for a closure
 * has many names, one in each copy of the function around it.
 */
function symbolOf(probe: ControlProbe, wanted: ReadonlyMap<string, WantedProbe>): string | undefined {
  const asked = wanted.get(probe.text)?.symbol;
  if (asked !== undefined) return asked;
  if (probe.function !== undefined) return withoutTypeArguments(probe.function);
  const parsed = parseProbeText(probe.text);
  const target = parsed.ok ? parsed.spec.target : undefined;
  return target?.kind === 'function' || target?.kind === 'inlined' ? withoutTypeArguments(target.name) : undefined;
}

export class ProbeBook {
  private readonly wantedByText = new Map<string, WantedProbe>();
  private readonly sessions = new Map<string, Map<number, ControlProbe>>();
  private bySymbol: ReadonlyMap<string | undefined, readonly ListedProbe[]> | undefined;

  want(probe: WantedProbe): void {
    this.bySymbol = undefined;
    this.wantedByText.set(probe.text, probe);
  }

  /** Texts that were wanted for the function. */
  unwant(symbol: string): readonly string[] {
    const texts = [...this.wantedByText.values()].filter((probe) => probe.symbol === symbol).map(({ text }) => text);
    for (const text of texts) this.unwantText(text);
    return texts;
  }

  unwantText(text: string): void {
    this.bySymbol = undefined;
    this.wantedByText.delete(text);
  }

  wanted(): readonly WantedProbe[] {
    return [...this.wantedByText.values()];
  }

  openSession(session: string, probes: readonly ControlProbe[]): void {
    this.sessions.set(session, new Map());
    this.update(session, probes);
  }

  update(session: string, probes: readonly ControlProbe[]): void {
    const known = this.sessions.get(session);
    if (known === undefined) return;
    this.bySymbol = undefined;
    for (const probe of probes) {
      if (probe.state === 'removed') known.delete(probe.id);
      else known.set(probe.id, probe);
    }
  }

  closeSession(session: string): void {
    this.sessions.delete(session);
    this.bySymbol = undefined;
  }

  /** Wanted probes that a session does not have, failed ones counted as had: they were refused once. */
  missing(session: string): readonly WantedProbe[] {
    const has = new Set([...(this.sessions.get(session)?.values() ?? [])].map((probe) => probe.text));
    return this.wanted().filter((probe) => !has.has(probe.text));
  }

  /** Texts of all probes, wanted or in a session, each once. */
  texts(): readonly string[] {
    return [...new Set([...this.wantedByText.keys(), ...this.listed().map(({ probe }) => probe.text)])];
  }

  listed(): readonly ListedProbe[] {
    return [...this.sessions].flatMap(([session, probes]) => [...probes.values()].map((probe) => ({ session, probe })));
  }

  probesOf(symbol: string): readonly ListedProbe[] {
    this.bySymbol ??= this.grouped();
    return this.bySymbol.get(symbol) ?? [];
  }

  /** Asked for every function of a file, and made again only after a change. */
  private grouped(): ReadonlyMap<string | undefined, readonly ListedProbe[]> {
    const groups = new Map<string | undefined, ListedProbe[]>();
    for (const listed of this.listed()) {
      const symbol = symbolOf(listed.probe, this.wantedByText);
      groups.set(symbol, [...(groups.get(symbol) ?? []), listed]);
    }
    return groups;
  }

  /** Undefined where nothing is probed nor asked for. */
  status(symbol: string): ProbeStatus | undefined {
    const probes = this.probesOf(symbol).map(({ probe }) => probe);
    if (probes.length === 0) {
      const isWanted = this.wantedByText.size > 0 && this.wanted().some((probe) => probe.symbol === symbol);
      return isWanted ? { hits: 0, state: 'waiting', message: undefined } : undefined;
    }
    const failed = probes.find((probe) => probe.state === 'failed');
    const isArmed = probes.some((probe) => probe.state === 'armed' || probe.state === 'delve');
    return {
      hits: probes.reduce((sum, probe) => sum + probe.hits, 0),
      state: isArmed ? 'armed' : failed === undefined ? 'waiting' : 'failed',
      message: failed?.message,
    };
  }
}
