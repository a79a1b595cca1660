/** The commands that lenses and actions carry: small JSON, so that a person can write one by hand, too. */
import { parseProbeText } from '@probelens/probes';
import type { Command } from 'vscode-languageserver/node';
import type { FunctionFacts } from '../binary/protocol.js';
import { withoutTypeArguments } from '../module/symbol-name.js';
import type { Place } from '../source/positions.js';

export const commandNames = {
  probe: 'probelens.probe',
  probeInlined: 'probelens.probeInlined',
  unprobe: 'probelens.unprobe',
  probes: 'probelens.probes',
  explain: 'probelens.explain',
  showTimeline: 'probelens.showTimeline',
  probeAt: 'probelens.probeAt',
} as const;

export type CommandName = (typeof commandNames)[keyof typeof commandNames];

/** First argument of the commands on functions; a plain string means `{ function }`. */
export interface ProbeCommand {
  /** Symbol without type arguments. */
  readonly function: string;
  /** The functions to probe as the linker spells them: several for a generic one. Default: `function` itself. */
  readonly names: readonly string[];
  /** The whole text of a probe, written by a person; `function` is then what it is on. */
  readonly text?: string;
  /** Document from which it was asked, for `probelens.explain`. */
  readonly uri: string | undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** First argument of `probelens.probeAt`: TextDocumentPositionParams of the protocol, in the client's units. */
export interface CursorCommand {
  readonly uri: string;
  readonly position: Place;
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** Undefined for arguments that are no place in a document. */
export function readCursor(args: readonly unknown[] | undefined): CursorCommand | undefined {
  const [given] = args ?? [];
  if (typeof given !== 'object' || given === null) return undefined;
  const { textDocument, position }: { textDocument?: unknown; position?: unknown } = given;
  if (typeof textDocument !== 'object' || textDocument === null || !('uri' in textDocument)) return undefined;
  if (typeof position !== 'object' || position === null || !('line' in position) || !('character' in position))
    return undefined;
  const { line, character } = position;
  if (!isText(textDocument.uri) || !isCount(line) || !isCount(character)) return undefined;
  return { uri: textDocument.uri, position: { line, character } };
}

/** What a text is on, for those who take it back: a function without type arguments, a line, or the text itself. */
function subjectOf(text: string): string {
  const parsed = parseProbeText(text);
  if (!parsed.ok) return text;
  const { target } = parsed.spec;
  switch (target.kind) {
    case 'function':
    case 'return':
    case 'inlined':
      return withoutTypeArguments(target.name);
    case 'line':
      return `${target.file}:${target.line}`;
    default:
      return text;
  }
}

/** Undefined for arguments that name no function. */
export function readProbeCommand(args: readonly unknown[] | undefined): ProbeCommand | undefined {
  const [given] = args ?? [];
  if (isText(given)) return { function: given, names: [given], uri: undefined };
  if (typeof given !== 'object' || given === null) return undefined;
  const raw: Partial<Record<keyof ProbeCommand, unknown>> = given;
  if (isText(raw.text)) return { function: subjectOf(raw.text), names: [], text: raw.text, uri: undefined };
  if (!isText(raw.function)) return undefined;
  const names = Array.isArray(raw.names) ? raw.names.filter(isText) : [];
  return {
    function: raw.function,
    names: names.length > 0 ? names : [raw.function],
    uri: isText(raw.uri) ? raw.uri : undefined,
  };
}

/** Of all our code actions: a client can bind a key to the first action of a kind. */
export const actionKind = 'probelens';

export const makeCommand = (
  title: string,
  command: CommandName,
  facts: FunctionFacts,
  symbol: string,
  uri: string,
): Command => ({
  title,
  command,
  arguments: [{ function: symbol, names: facts.bodies.map((body) => body.name), uri } satisfies ProbeCommand],
});
