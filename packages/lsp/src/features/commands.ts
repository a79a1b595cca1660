/** workspace/executeCommand: server-side, so that every client has them. */
import { basename } from 'node:path';
import { formatProbeText, type ProbeTarget, parseProbeText } from '@probelens/probes';
import { type Command, MessageType } from 'vscode-languageserver/node';
import type { ListedProbe, WantedProbe } from '../session/probe-book.js';
import type { Sessions } from '../session/sessions.js';
import { counted } from './offers.js';
import { type CursorCommand, commandNames, type ProbeCommand, readCursor, readProbeCommand } from './probe-command.js';
import { readGoroutine, timelineText } from './timeline.js';

export interface CommandContext {
  readonly sessions: Sessions;
  say(type: MessageType, sentence: string): void;
  /** Why a function is or is not in the binary, in sentences. */
  explain(command: ProbeCommand): Promise<string>;
  /** What is offered first for the function or closure around a place; undefined outside of any. */
  offerAt(cursor: CursorCommand): Promise<Command | undefined>;
  /** Text of any length, where the person sees it. */
  show(text: string): void;
}

const textFor = (target: ProbeTarget): string =>
  formatProbeText({
    target,
    condition: undefined,
    scope: { kind: 'process' },
    action: { kind: 'count' },
    rateLimit: undefined,
  });

async function probe(context: CommandContext, command: ProbeCommand, kind: 'function' | 'inlined'): Promise<void> {
  if (command.text !== undefined) {
    await probeText(context, command.text, command.function);
    return;
  }
  for (const name of kind === 'inlined' ? [command.function] : command.names)
    await add(context, { text: textFor({ kind, name }), symbol: command.function }, name);
}

/** As a person wrote it. */
async function probeText(context: CommandContext, text: string, symbol: string): Promise<void> {
  const parsed = parseProbeText(text);
  if (parsed.ok) await add(context, { text: formatProbeText(parsed.spec), symbol }, symbol);
  else context.say(MessageType.Error, `"${text}" is no probe: ${parsed.message} (column ${parsed.position + 1}).`);
}

async function add(context: CommandContext, probe: WantedProbe, name: string): Promise<void> {
  const outcome = await context.sessions.probe(probe);
  if (outcome.kind === 'added') {
    const program = outcome.session.binary === undefined ? 'the program' : basename(outcome.session.binary);
    context.say(MessageType.Info, `Probing ${name} in ${program}.`);
  } else if (outcome.kind === 'kept') {
    context.say(
      MessageType.Info,
      `No debug session of this workspace is running: ${name} will be probed when one starts. Start it with the probelens debug adapter.`,
    );
  }
  // A refusal was said by the session itself.
}

async function unprobe(context: CommandContext, command: ProbeCommand): Promise<void> {
  const removed = await context.sessions.unprobe(command.function);
  if (removed === 0) context.say(MessageType.Warning, `There is no probe on ${command.function}.`);
}

const describe = ({ probe }: ListedProbe): string =>
  `${probe.text} - ${probe.state === 'armed' ? counted(probe.hits, 'hit') : probe.state}`;

function list(context: CommandContext): readonly ListedProbe[] {
  const { book } = context.sessions;
  const listed = book.listed();
  const texts = new Set(listed.map(({ probe }) => probe.text));
  const waiting = book
    .wanted()
    .filter(({ text }) => !texts.has(text))
    .map(({ text }) => `${text} - waiting for a session`);
  const lines = [...listed.map(describe), ...waiting];
  context.say(MessageType.Info, lines.length === 0 ? 'Nothing is probed in this workspace.' : lines.join('\n'));
  return listed;
}

/** Text of the timeline; null where there is none to show. */
async function showTimeline(context: CommandContext, args: readonly unknown[] | undefined): Promise<string | null> {
  const wanted = readGoroutine(args);
  if (!wanted.ok) {
    context.say(MessageType.Error, `${commandNames.showTimeline} takes the number of a goroutine, such as 19.`);
    return null;
  }
  const found = await context.sessions.timeline(wanted.goroutine);
  if (found === undefined) return null;
  const text = timelineText(found.session, found.timeline, wanted.goroutine);
  context.show(text);
  return text;
}

/** Arms what is under the cursor, or takes it back: one key for clients that show no lenses. */
async function probeAt(context: CommandContext, args: readonly unknown[] | undefined): Promise<unknown> {
  const cursor = readCursor(args);
  if (cursor === undefined) {
    context.say(MessageType.Error, `${commandNames.probeAt} takes a document and a position in it.`);
    return null;
  }
  const offer = await context.offerAt(cursor);
  if (offer !== undefined) return executeCommand(context, offer.command, offer.arguments);
  context.say(MessageType.Warning, 'There is no function here that could be probed; put the cursor into one.');
  return null;
}

/** Answers null, the list for `probelens.probes`, the text for `probelens.showTimeline`. Never rejects for what a person can do wrong. */
export async function executeCommand(
  context: CommandContext,
  name: string,
  args: readonly unknown[] | undefined,
): Promise<unknown> {
  if (name === commandNames.probes) return list(context);
  if (name === commandNames.probeAt) return probeAt(context, args);
  if (name === commandNames.showTimeline) return showTimeline(context, args);
  const command = readProbeCommand(args);
  if (command === undefined) {
    context.say(MessageType.Error, `${name} needs the name of a function, such as "main.price".`);
    return null;
  }
  switch (name) {
    case commandNames.probe:
      await probe(context, command, 'function');
      return null;
    case commandNames.probeInlined:
      await probe(context, command, 'inlined');
      return null;
    case commandNames.unprobe:
      await unprobe(context, command);
      return null;
    case commandNames.explain:
      context.say(MessageType.Info, await context.explain(command));
      return null;
    default:
      context.say(MessageType.Error, `${name} is not a command of probelens.`);
      return null;
  }
}
