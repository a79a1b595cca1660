/** The commands that lenses and actions carry: small JSON, so that a person can write one by hand, too. */
import type { Command } from 'vscode-languageserver/node';
import type { FunctionFacts } from '../binary/protocol.js';

export const commandNames = {
  probe: 'probelens.probe',
  probeInlined: 'probelens.probeInlined',
  unprobe: 'probelens.unprobe',
  probes: 'probelens.probes',
  explain: 'probelens.explain',
  showTimeline: 'probelens.showTimeline',
} as const;

export type CommandName = (typeof commandNames)[keyof typeof commandNames];

/** First argument of every command but `probelens.probes`; a plain string means `{ function }`. */
export interface ProbeCommand {
  /** Symbol without type arguments. */
  readonly function: string;
  /** The functions to probe as the linker spells them: several for a generic one. Default: `function` itself. */
  readonly names: readonly string[];
  /** Document from which it was asked, for `probelens.explain`. */
  readonly uri: string | undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Undefined for arguments that name no function. */
export function readProbeCommand(args: readonly unknown[] | undefined): ProbeCommand | undefined {
  const [given] = args ?? [];
  if (isText(given)) return { function: given, names: [given], uri: undefined };
  if (typeof given !== 'object' || given === null) return undefined;
  const raw: Partial<Record<keyof ProbeCommand, unknown>> = given;
  if (!isText(raw.function)) return undefined;
  const names = Array.isArray(raw.names) ? raw.names.filter(isText) : [];
  return {
    function: raw.function,
    names: names.length > 0 ? names : [raw.function],
    uri: isText(raw.uri) ? raw.uri : undefined,
  };
}

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
