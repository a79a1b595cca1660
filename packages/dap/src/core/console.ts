/** Console commands (`evaluate` in the context "repl") and their completions; everything else is Delve's. */
import { errors } from '../errors.js';
import { onBpfCommand } from './bpf/console.js';
import { numberOf, objectOf, type Request, stringOf } from './message.js';
import { addProbe, countText, removeProbe } from './probes.js';
import { onSnapshotCommand, onSnapshotsCommand } from './snapshots.js';
import { onTimelineCommand } from './timeline.js';
import type { Turn } from './turn.js';

interface Command {
  readonly usage: string;
  readonly help: string;
  readonly run: (turn: Turn, request: Request, rest: string) => void;
}

const tell = (turn: Turn, request: Request, result: string): void => {
  turn.answer(request, { result, variablesReference: 0 });
};

/** The counts that are known are up to a second old: the kernel is asked for the present ones first. */
const list = (turn: Turn, request: Request): void => {
  const counted = [...turn.state.asked.values()].some(({ probe }) => probe !== undefined);
  if (turn.state.kernel.state !== 'ready' || !counted) {
    tellProbes(turn, request);
    return;
  }
  const ticket = turn.ticket();
  turn.update({ listing: new Map(turn.state.listing).set(ticket, request) });
  turn.emit({ kind: 'drain', ticket });
};

export const onListCounted = (turn: Turn, ticket: number): void => {
  const request = turn.state.listing.get(ticket);
  if (request === undefined) return;
  const listing = new Map(turn.state.listing);
  listing.delete(ticket);
  turn.update({ listing });
  tellProbes(turn, request);
};

const tellProbes = (turn: Turn, request: Request): void => {
  const lines: string[] = [];
  for (const asked of turn.state.asked.values()) {
    lines.push(`[${asked.id}] ${asked.text} (${asked.state}, ${countText(asked)})`);
  }
  for (const gate of turn.state.gates.values()) {
    if (gate.owner.kind === 'breakpoint') lines.push(`[${gate.id}] breakpoint at ${gate.planned.function} (armed)`);
  }
  tell(
    turn,
    request,
    lines.length === 0 ? 'No probes. Add one with: probe main.f if x > 3 do count' : lines.join('\n'),
  );
};

const scope = (turn: Turn, request: Request, rest: string): void => {
  const match = /^(process|goroutine)(?:\s+(\d+))?$/.exec(rest.trim());
  const goroutine = match?.[2] === undefined ? turn.state.target.goroutine : Number(match[2]);
  if (match === null) {
    turn.refuse(request, errors.console('Say "scope process", "scope goroutine" or "scope goroutine 19".'));
  } else if (match[1] === 'process') {
    turn.kernel({ scope: 'process' });
    tell(turn, request, 'Kernel breakpoints stop every goroutine.');
  } else if (goroutine === undefined) {
    turn.refuse(request, errors.console('No goroutine is selected: name one, as in "scope goroutine 19".'));
  } else {
    turn.kernel({ scope: goroutine });
    tell(turn, request, `From the next continue on, kernel breakpoints stop goroutine ${goroutine} only.`);
  }
};

const commands: Readonly<Record<string, Command>> = {
  probe: {
    usage: 'probe TARGET [if CONDITION] [on goroutine N] [do stop|count|log "..."]',
    help: 'puts a probe into the kernel, for example: probe main.price if o.Qty == 0 do count',
    run: (turn, request, rest) => addProbe(turn, rest, undefined, { kind: 'console', request }),
  },
  probes: { usage: 'probes', help: 'lists the probes of this session', run: list },
  unprobe: {
    usage: 'unprobe N',
    help: 'takes probe N out again',
    run: (turn, request, rest) => {
      const id = Number(rest);
      if (rest === '' || !removeProbe(turn, id, { kind: 'console', request }))
        turn.refuse(request, errors.console(`There is no probe "${rest}"; "probes" lists them.`));
    },
  },
  scope: {
    usage: 'scope process | goroutine [N]',
    help: 'which goroutines kernel breakpoints stop',
    run: scope,
  },
  snapshots: { usage: 'snapshots', help: 'lists what "do snapshot" probes recorded', run: onSnapshotsCommand },
  snapshot: {
    usage: 'snapshot N | close',
    help: 'shows a snapshot, and lists it among the threads until "snapshot close"',
    run: onSnapshotCommand,
  },
  bpf: {
    usage: 'bpf [N] | bpf log [N] | bpf reload [N]',
    help: "lists eBPF programs, maps, links and attachments that were made; one with its instructions; the verifier's log, also by loading it once more",
    run: onBpfCommand,
  },
  timeline: {
    usage: 'timeline [goroutine N]',
    help: 'what happened: stops, probe hits and kernel events in the order of time',
    run: onTimelineCommand,
  },
};

const helpText = (): string =>
  [
    ...Object.values(commands).map(({ usage, help }) => `${usage}\n    ${help}`),
    'Anything else is evaluated by Delve; its own commands are under "dlv help".',
  ].join('\n');

/** Those that say something by themselves. */
const bare = new Set(['bpf', 'probes', 'snapshots', 'timeline']);

/** True when it was one of ours. A variable that has the name of a command is still Delve's when it stands alone. */
export const onEvaluate = (turn: Turn, request: Request): boolean => {
  const args = objectOf(request.arguments);
  if (args.context !== 'repl') return false;
  const match = /^\s*([a-z]+)(?:\s+(.*))?$/s.exec(stringOf(args.expression) ?? '');
  const name = match?.[1] ?? '';
  const rest = (match?.[2] ?? '').trim();
  if (name === 'help' && rest === '') {
    tell(turn, request, helpText());
    return true;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined || (rest === '' && !bare.has(name))) return false;
  command.run(turn, request, rest);
  return true;
};

/** The name of a function that is being written behind `probe`. */
const functionWord = /^\s*probe\s+([^\s"]+)$/;

const textBefore = (request: Request): string => {
  const args = objectOf(request.arguments);
  return (stringOf(args.text) ?? '').slice(0, Math.max(0, (numberOf(args.column) ?? 1) - 1));
};

export const onCompletions = (turn: Turn, request: Request): void => {
  const text = textBefore(request);
  const name = functionWord.exec(text)?.[1];
  if (name !== undefined && turn.state.kernel.state === 'ready') {
    const ticket = turn.ticket();
    turn.update({ completing: new Map(turn.state.completing).set(ticket, request) });
    turn.emit({ kind: 'complete', ticket, prefix: name });
    return;
  }
  const word = /^\s*([a-z]*)$/.exec(text)?.[1];
  const names = word === undefined ? [] : [...Object.keys(commands), 'help'].filter((each) => each.startsWith(word));
  turn.answer(request, { targets: names.map((label) => ({ label, type: 'keyword' })) });
};

/** Names replace what was written of them: clients differ in what they take for a word. */
export const onCompleted = (turn: Turn, ticket: number, names: readonly string[]): void => {
  const request = turn.state.completing.get(ticket);
  if (request === undefined) return;
  const completing = new Map(turn.state.completing);
  completing.delete(ticket);
  turn.update({ completing });
  const text = textBefore(request);
  const { length } = functionWord.exec(text)?.[1] ?? '';
  // Columns count from 1; the session demands it.
  const start = text.length - length + 1;
  turn.answer(request, { targets: names.map((label) => ({ label, type: 'function', start, length })) });
};
