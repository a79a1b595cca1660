/**
 * The text form of a probe, the same wherever a person writes one:
 *
 *     TARGET [return | inlined] [if CONDITION] [on SCOPE] [do ACTION] [limit N] [then ...] [initially on | off]
 *
 *     main.price if o.Qty == 0 && mult > 2 on goroutine 19 do log "{o.ID} {o.Symbol}"
 *     orders.go:31 do stop
 *     main.price return if err != nil do snapshot
 *     github.com/me/app/... do count
 *     tracepoint:sched:sched_switch on goroutine 19
 *     perf:page-faults:100 do count
 *     main.price if o.Qty == 0 do log then arm 2
 *     bpf:load if errno != 0
 *
 * `path.*` means the functions of one package, `path/...` also those of the packages below it. A target between quotes
 * is taken as it stands. SCOPE is `process`, `goroutine N`, `current`, `main` or `label "key"="value"`; ACTION is `stop`,
 * `count`, `snapshot` or `log` with or without a template; without an action the probe logs. `limit N` sends at most N
 * events a second on average, a second's worth of them at once; counts and stops send none or leave none out, and take no
 * limit. The clauses may come in any order.
 *
 * `then arm N` and `then disarm N` switch the probe with the number N of the same list (a trace's or a session's, from 1)
 * on or off when this one matches, in the kernel and at once; a probe may switch itself. `then snapshot` adds the stack to
 * the event. There may be several `then`. A probe that another one arms is off at first, every other one is on;
 * `initially on` and `initially off` say otherwise. A probe that is off counts nothing.
 */
import { writeLiteral } from './go-literal.js';
import { Scanner, TextError } from './scanner.js';
import type { ProbeAction, ProbeScope, ProbeSpec, ProbeThen } from './spec.js';
import { readTarget, targetText } from './target-text.js';

export type ParsedProbe =
  | { readonly ok: true; readonly spec: ProbeSpec }
  /** `position` counts UTF-16 units from the start; `message` says what was expected there. */
  | { readonly ok: false; readonly position: number; readonly message: string };

/** What may follow a condition. */
const keywords: ReadonlySet<string> = new Set(['on', 'do', 'limit', 'then', 'initially']);

/** The largest id that a goroutine can have (runtime.g.goid counts up from 1). */
const largestGoroutine = 2n ** 63n - 1n;

const readCondition = (scanner: Scanner): string => {
  const position = scanner.position;
  const condition = scanner.takeExpression(keywords);
  if (condition === '') scanner.fail(`Expected a Go expression after "if", found ${scanner.found()}`, position);
  return condition;
};

const readScope = (scanner: Scanner): ProbeScope => {
  if (scanner.takeWord('process')) return { kind: 'process' };
  if (scanner.takeWord('current')) return { kind: 'current' };
  if (scanner.takeWord('main')) return { kind: 'main' };
  if (scanner.takeWord('goroutine')) {
    scanner.skipSpace();
    const position = scanner.position;
    const id = BigInt(scanner.takeDigits('the id of a goroutine'));
    if (id < 1n || id > largestGoroutine) scanner.fail(`There is no goroutine ${id}`, position);
    return { kind: 'goroutine', id: id.toString() };
  }
  if (!scanner.takeWord('label')) {
    return scanner.fail(
      `Expected process, goroutine N, current, main or label "key"="value", found ${scanner.found()}`,
    );
  }
  const literal = (what: string): string =>
    scanner.atLiteral()
      ? scanner.takeLiteral()
      : scanner.fail(`Expected the label's ${what} between quotes, found ${scanner.found()}`);
  const key = literal('key');
  scanner.skipSpace();
  if (!scanner.takeExact('=')) scanner.fail(`Expected "=" after the label's key, found ${scanner.found()}`);
  return { kind: 'label', key, value: literal('value') };
};

const readAction = (scanner: Scanner): ProbeAction => {
  for (const kind of ['stop', 'count', 'snapshot'] as const) if (scanner.takeWord(kind)) return { kind };
  if (!scanner.takeWord('log')) {
    const meant = otherClauses.get(scanner.peekWord());
    const advice = meant?.startsWith('do ') === true ? `; did you mean "${meant}"?` : '';
    return scanner.fail(`Expected stop, log, count or snapshot, found ${scanner.found()}${advice}`);
  }
  return { kind: 'log', template: scanner.atLiteral() ? scanner.takeLiteral() : undefined };
};

const readLimit = (scanner: Scanner): number => {
  scanner.skipSpace();
  const position = scanner.position;
  const limit = Number(scanner.takeDigits('a number of events a second'));
  if (limit < 1 || limit > 1_000_000_000) scanner.fail('Expected a limit of 1 to 1000000000 events a second', position);
  return limit;
};

/** As many words as the programs of a session share (program/switches.ts, mostSwitches). */
const largestNumber = 1023;

const readThen = (scanner: Scanner): ProbeThen => {
  if (scanner.takeWord('snapshot')) return { kind: 'snapshot' };
  for (const kind of ['arm', 'disarm'] as const) {
    if (!scanner.takeWord(kind)) continue;
    scanner.skipSpace();
    const position = scanner.position;
    const probe = Number(scanner.takeDigits('the number of a probe'));
    if (probe < 1 || probe > largestNumber)
      scanner.fail(`Expected the number of a probe, 1 to ${largestNumber}`, position);
    return { kind, probe };
  }
  return scanner.fail(`Expected arm N, disarm N or snapshot, found ${scanner.found()}`);
};

const readInitially = (scanner: Scanner): 'on' | 'off' => {
  for (const word of ['on', 'off'] as const) if (scanner.takeWord(word)) return word;
  return scanner.fail(`Expected on or off, found ${scanner.found()}`);
};

const clauseWords = ['if', 'on', 'do', 'limit', 'then', 'initially'] as const;

interface Clauses {
  /** Where each clause begins; of several `then` the first that snapshots, else the last. */
  readonly at: Map<(typeof clauseWords)[number], number>;
  if?: string;
  on?: ProbeScope;
  do?: ProbeAction;
  limit?: number;
  onMatch?: ProbeThen[];
  initially?: 'on' | 'off';
}

/** Words that stand elsewhere for the same. */
const otherClauses: ReadonlyMap<string, string> = new Map([
  ...['where', 'when', 'unless', 'filter'].map((word): [string, string] => [word, 'if CONDITION']),
  ...['ret', 'returns', 'exit', 'retval'].map((word): [string, string] => [word, 'return']),
  ...['print', 'printf', 'log', 'echo', 'trace'].map((word): [string, string] => [word, 'do log']),
  ...['stop', 'break', 'count', 'snapshot'].map((word): [string, string] => [
    word,
    `do ${word === 'break' ? 'stop' : word}`,
  ]),
  ...['stack', 'bt', 'backtrace', 'ustack'].map((word): [string, string] => [word, 'do snapshot']),
  ['goroutine', 'on goroutine N'],
  ['label', 'on label "key"="value"'],
]);

const readClause = (scanner: Scanner, clauses: Clauses): void => {
  const position = scanner.position;
  const found = scanner.peekWord();
  const word = clauseWords.find((each) => each === found);
  if (word === undefined) {
    const meant = otherClauses.get(found);
    const advice = meant === undefined ? '' : `; did you mean "${meant}"?`;
    scanner.fail(`Expected if, on, do, limit, then or initially, found ${scanner.found()}${advice}`);
  }
  if (word !== 'then' && clauses.at.has(word)) scanner.fail(`There is a second "${word}"`, position);
  const isKept = word === 'then' && clauses.onMatch?.some(({ kind }) => kind === 'snapshot');
  if (isKept !== true) clauses.at.set(word, position);
  scanner.takeWord(word);
  scanner.skipSpace();
  switch (word) {
    case 'if':
      clauses.if = readCondition(scanner);
      return;
    case 'on':
      clauses.on = readScope(scanner);
      return;
    case 'do':
      clauses.do = readAction(scanner);
      return;
    case 'limit':
      clauses.limit = readLimit(scanner);
      return;
    case 'then':
      clauses.onMatch = [...(clauses.onMatch ?? []), readThen(scanner)];
      return;
    case 'initially':
      clauses.initially = readInitially(scanner);
      return;
  }
};

/** Clauses about events, beside an action that sends none or may leave none out. */
const checkEvents = (scanner: Scanner, { at, limit, onMatch, do: action }: Clauses): void => {
  if (limit !== undefined && action?.kind === 'count')
    scanner.fail(
      '"limit" leaves out events, and "do count" sends none: every hit is counted; leave "limit" out, or write "do log"',
      at.get('limit'),
    );
  if (limit !== undefined && action?.kind === 'stop')
    scanner.fail(
      '"limit" leaves out events, and a stop that is left out would be a breakpoint that lies; leave "limit" out, or narrow the condition',
      at.get('limit'),
    );
  if (action?.kind === 'count' && onMatch?.some(({ kind }) => kind === 'snapshot'))
    scanner.fail(
      '"then snapshot" adds the stack to an event, and "do count" sends none; write "do snapshot"',
      at.get('then'),
    );
};

/** Reads the text form. Never throws: what is wrong comes back with its position. */
export const parseProbeText = (text: string): ParsedProbe => {
  const scanner = new Scanner(text);
  try {
    const target = readTarget(scanner);
    const clauses: Clauses = { at: new Map() };
    while (!scanner.atEnd) readClause(scanner, clauses);
    checkEvents(scanner, clauses);
    return {
      ok: true,
      spec: {
        target,
        condition: clauses.if,
        scope: clauses.on ?? { kind: 'process' },
        action: clauses.do ?? { kind: 'log', template: undefined },
        rateLimit: clauses.limit,
        ...(clauses.onMatch === undefined ? {} : { onMatch: clauses.onMatch }),
        ...(clauses.initially === undefined ? {} : { initially: clauses.initially }),
      },
    };
  } catch (error) {
    if (error instanceof TextError) return { ok: false, position: error.position, message: error.message };
    throw error;
  }
};

/** As it stands behind the condition: " on goroutine 19"; empty for the whole process. */
export const scopeText = (scope: ProbeScope): string => {
  switch (scope.kind) {
    case 'process':
      return '';
    case 'goroutine':
      return ` on goroutine ${scope.id}`;
    case 'current':
    case 'main':
      return ` on ${scope.kind}`;
    case 'label':
      return ` on label ${writeLiteral(scope.key)}=${writeLiteral(scope.value)}`;
  }
};

const actionText = (action: ProbeAction): string =>
  action.kind === 'log' && action.template !== undefined
    ? ` do log ${writeLiteral(action.template)}`
    : ` do ${action.kind}`;

/** The text form of a probe; `parseProbeText` gives an equal one back. */
export const formatProbeText = (spec: ProbeSpec): string => {
  const condition = spec.condition === undefined ? '' : ` if ${spec.condition}`;
  const limit = spec.rateLimit === undefined ? '' : ` limit ${spec.rateLimit}`;
  const then = (spec.onMatch ?? []).map(
    (each) => ` then ${each.kind === 'snapshot' ? each.kind : `${each.kind} ${each.probe}`}`,
  );
  const initially = spec.initially === undefined ? '' : ` initially ${spec.initially}`;
  return `${targetText(spec.target)}${condition}${scopeText(spec.scope)}${actionText(spec.action)}${limit}${then.join('')}${initially}`;
};
