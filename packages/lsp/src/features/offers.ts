/** What is offered for a function: the one place that lenses and code actions, which are twins, get their words from. */
import type { FileView, FunctionView } from '../file-view.js';
import { packagePrefixes } from '../module/package-prefix.js';
import { symbolOf } from '../module/symbol-name.js';
import type { ProbeBook, ProbeStatus } from '../session/probe-book.js';
import { displayName } from '../source/functions.js';
import { type CommandName, commandNames } from './probe-command.js';

export interface Offer {
  readonly command: CommandName;
  /** Above the function. */
  readonly lens: string;
  /** In a menu, where the function has to be named. */
  readonly action: string;
}

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

function statusOffer(status: ProbeStatus, name: string, isLive: boolean): Offer {
  const command = commandNames.unprobe;
  if (status.state === 'failed') {
    return {
      command,
      lens: 'probe failed - remove it',
      action: `Remove the failed probe on ${name}: ${status.message ?? ''}`,
    };
  }
  if (status.state === 'waiting') {
    const until = isLive ? 'when the program runs' : 'when a debug session starts';
    return { command, lens: `probed ${until}`, action: `Take back the probe on ${name} (it is set ${until})` };
  }
  const hits = counted(status.hits, 'hit');
  return { command, lens: `probed - ${hits}`, action: `Remove the probe on ${name} (${hits})` };
}

/** Symbol of a declaration even where the binary does not know it. */
export function symbolOfView(view: FileView, { declaration, facts }: FunctionView): string {
  if (facts?.symbol !== undefined) return facts.symbol;
  const clause = { name: view.source.packageName ?? '', importPath: view.package.importPath };
  const program = view.binary.kind === 'ready' ? view.binary.summary : { mainPackage: undefined, isTest: false };
  const [prefix = clause.name] = packagePrefixes(clause, program);
  return symbolOf(prefix, declaration) ?? `${prefix}.${declaration.name}`;
}

/** In order of usefulness; empty for what is never compiled. */
export function offersFor(view: FileView, fn: FunctionView, book: ProbeBook, isLive: boolean): readonly Offer[] {
  const { facts, declaration } = fn;
  if (facts === undefined) return [];
  const name = displayName(declaration);
  const stale = view.stale ? ' (binary is older than this file)' : '';
  const status = book.status(symbolOfView(view, fn));
  if (status !== undefined) return [statusOffer(status, name, isLive)];
  const offers: Offer[] = [];
  if (facts.bodies.length > 0) {
    offers.push({ command: commandNames.probe, lens: `probe this function${stale}`, action: `Probe ${name}${stale}` });
  }
  if (facts.copyCount > 0) {
    const into = `inlined into ${counted(facts.callerCount, 'caller')}`;
    offers.push({
      command: commandNames.probeInlined,
      lens: `${into}: probe all copies${stale}`,
      action: `Probe all inlined copies of ${name} (${into})${stale}`,
    });
  }
  if (offers.length === 0) {
    offers.push({
      command: commandNames.explain,
      lens: `not in the binary${stale}`,
      action: `Why is ${name} not in the binary?`,
    });
  }
  return offers;
}
