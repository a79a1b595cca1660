/** The person's breakpoints: numbered from 1, written as text, sent to the adapter a file at a time as DAP wants it. */
import { type ProbeSpec, parseProbeText, scopeText } from '@probelens/probes';
import { type JsonObject, listOf, numberOf, objectOf, textOf } from '../core/message.js';
import { RequestFailure } from './adapter-process.js';
import { shownPath } from './listing.js';
import type { Symbols } from './symbols.js';

export type BreakpointPlace =
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'line'; readonly file: string; readonly line: number };

export interface Breakpoint {
  readonly number: number;
  readonly place: BreakpointPlace;
  condition: string | undefined;
  /** As DAP's hitCondition: "> 5", "% 100". */
  hits: string | undefined;
  readonly log: string | undefined;
  enabled: boolean;
  verified: boolean;
  /** The adapter's: who judges it, at what cost, or why not. */
  message: string;
  /** Where it really is; undefined before the adapter has said. */
  at: { readonly file: string; readonly line: number } | undefined;
  dapId: number | undefined;
}

export type Send = (command: string, args: JsonObject) => Promise<JsonObject>;

/** Throws RequestFailure. */
const scopeOf = ({ scope }: ProbeSpec): string => {
  if (scope.kind === 'label')
    throw new RequestFailure('A breakpoint cannot ask for a label; use `probe ... on label ... do stop`.');
  return scopeText(scope);
};

/** Without an action a breakpoint stops; a probe would log. */
const parse = (text: string): ProbeSpec => {
  const stopping = parseProbeText(`${text} do stop`);
  const parsed = stopping.ok ? stopping : parseProbeText(text);
  if (!parsed.ok) throw new RequestFailure(`${parsed.message}; for example: break main.price if o.Qty == 0`);
  return parsed.spec;
};

const placeOf = ({ target }: ProbeSpec, symbols: Symbols | undefined): BreakpointPlace => {
  if (target.kind === 'function') return { kind: 'function', name: symbols?.functionNamed(target.name) ?? target.name };
  if (target.kind !== 'line')
    throw new RequestFailure('That is no place to stop at; `probe` takes it, with an action.');
  const meant = symbols?.filesMeant(target.file) ?? [];
  if (meant.length > 0)
    throw new RequestFailure(`"${target.file}" may be any of ${meant.slice(0, 4).join(', ')}; name more of the path.`);
  return { kind: 'line', file: symbols?.fileNamed(target.file) ?? target.file, line: target.line };
};

const samePlace = (one: BreakpointPlace, other: BreakpointPlace): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

export const placeText = ({ place, at }: Breakpoint): string => {
  const where = at === undefined ? undefined : `${shownPath(at.file)}:${at.line}`;
  if (place.kind === 'function') return where === undefined ? place.name : `${place.name}, ${where}`;
  return where ?? `${shownPath(place.file)}:${place.line}`;
};

/** A condition may be, or end with, the goroutine that is meant. */
const whenText = (condition: string | undefined): string => {
  if (condition === undefined) return '';
  return /^on (goroutine|main|current)\b/.test(condition) ? ` ${condition}` : ` if ${condition}`;
};

/** One line for lists. */
export const breakpointText = (breakpoint: Breakpoint): string => {
  const { number, condition, hits, log, enabled, message } = breakpoint;
  const when = `${whenText(condition)}${hits === undefined ? '' : ` hits ${hits}`}`;
  const action = log === undefined ? '' : ` log ${JSON.stringify(log)}`;
  return `Breakpoint ${number}${enabled ? '' : ' (off)'} at ${placeText(breakpoint)}${when}${action}${message === '' ? '' : `\n    ${message}`}`;
};

const refusal = ({ place, message }: Breakpoint, symbols: Symbols | undefined): string => {
  const near = place.kind === 'function' ? (symbols?.similarTo(place.name) ?? []) : [];
  const said = message === '' ? 'The breakpoint could not be set' : message.replace(/\.$/, '');
  return near.length === 0 ? `${said}.` : `${said}; did you mean ${near.join(', ')}?`;
};

export class Breakpoints {
  #last = 0;
  #all: Breakpoint[] = [];
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  get all(): readonly Breakpoint[] {
    return this.#all;
  }

  numbered(text: string): Breakpoint {
    const found = this.#all.find(({ number }) => String(number) === text.trim());
    if (found === undefined) throw new RequestFailure(`There is no breakpoint "${text.trim()}"; \`bp\` lists them.`);
    return found;
  }

  /** By the id that a stop names. */
  withId(id: number): Breakpoint | undefined {
    return this.#all.find(({ dapId }) => dapId === id);
  }

  /** Numbers by line, where a listing of this file shows them. */
  linesOf(file: string): ReadonlyMap<number, number> {
    const own = this.#all.filter(({ at, enabled }) => enabled && at?.file === file);
    return new Map(own.map(({ at, number }) => [at?.line ?? 0, number]));
  }

  /** `text` as in `break`. Rejects with a sentence and leaves nothing when it cannot be set. */
  async add(text: string, symbols: Symbols | undefined): Promise<Breakpoint> {
    const spec = parse(text);
    const { action } = spec;
    if (action.kind === 'count' || action.kind === 'snapshot')
      throw new RequestFailure(`A breakpoint stops or logs; use \`probe ${text}\`.`);
    const place = placeOf(spec, symbols);
    const log = action.kind === 'log' ? action.template : undefined;
    // DAP's function breakpoints have no log message: the program would stop at each call.
    if (action.kind === 'log' && (log === undefined || place.kind === 'function'))
      throw new RequestFailure(`A log message on a breakpoint needs a line and a text; use \`probe ${text}\`.`);
    if (this.#all.some((other) => samePlace(other.place, place)))
      throw new RequestFailure('There is a breakpoint already; change it with `condition`, or `clear` it first.');
    const condition = `${spec.condition ?? ''}${scopeOf(spec)}`.trim();
    const breakpoint: Breakpoint = {
      number: ++this.#last,
      place,
      condition: condition === '' ? undefined : condition,
      hits: undefined,
      log,
      enabled: true,
      verified: false,
      message: '',
      at: undefined,
      dapId: undefined,
    };
    this.#all.push(breakpoint);
    try {
      await this.send(place);
    } catch (error) {
      this.#all = this.#all.filter((other) => other !== breakpoint);
      throw error;
    }
    if (breakpoint.verified) return breakpoint;
    await this.remove(breakpoint);
    throw new RequestFailure(refusal(breakpoint, symbols));
  }

  async remove(breakpoint: Breakpoint): Promise<void> {
    this.#all = this.#all.filter((other) => other !== breakpoint);
    await this.send(breakpoint.place);
  }

  /** A session begins: everything once more. */
  async sendAll(): Promise<void> {
    const files = new Map<string, BreakpointPlace>();
    for (const { place } of this.#all) files.set(place.kind === 'line' ? place.file : '', place);
    for (const place of files.values()) await this.send(place);
  }

  /** The group of a place: all functions, or all lines of its file. */
  async send(place: BreakpointPlace): Promise<void> {
    const group = this.#all.filter(
      (other) =>
        other.enabled &&
        (place.kind === 'line'
          ? other.place.kind === 'line' && other.place.file === place.file
          : other.place.kind === 'function'),
    );
    const breakpoints = group.map(({ place: at, condition, hits, log }) => ({
      ...(at.kind === 'line' ? { line: at.line } : { name: at.name }),
      ...(condition === undefined ? {} : { condition }),
      ...(hits === undefined ? {} : { hitCondition: hits }),
      ...(log === undefined ? {} : { logMessage: log }),
    }));
    const answer =
      place.kind === 'line'
        ? await this.#send('setBreakpoints', { source: { path: place.file }, breakpoints })
        : await this.#send('setFunctionBreakpoints', { breakpoints });
    const answers = listOf(answer.breakpoints);
    group.forEach((breakpoint, index) => {
      this.#take(breakpoint, objectOf(answers[index]));
    });
  }

  /** The adapter has news of a breakpoint; it comes back when they are about who judges it. */
  changed(news: JsonObject): Breakpoint | undefined {
    const id = numberOf(news.id);
    const known = id === undefined ? undefined : this.withId(id);
    if (known === undefined) return undefined;
    const before = known.message;
    this.#take(known, { verified: known.verified, ...news });
    return known.message === before || known.message === '' ? undefined : known;
  }

  #take(breakpoint: Breakpoint, answer: JsonObject): void {
    const { id, verified, message, line, source } = answer;
    breakpoint.dapId = numberOf(id) ?? breakpoint.dapId;
    breakpoint.verified = verified === true;
    breakpoint.message = textOf(message) ?? '';
    const file =
      textOf(objectOf(source).path) ?? (breakpoint.place.kind === 'line' ? breakpoint.place.file : undefined);
    const at = numberOf(line);
    if (file !== undefined && at !== undefined) breakpoint.at = { file, line: at };
  }
}
