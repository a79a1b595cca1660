/** Probing a closure: its name is the compiler's, so its place in the source has to tell which one is meant. */
import type { CodeAction } from 'vscode-languageserver/node';
import type { Binaries } from '../binary/binaries.js';
import { type FileView, linesHold, unlessReplaced } from '../file-view.js';
import { withoutTypeArguments } from '../module/symbol-name.js';
import type { ProbeBook } from '../session/probe-book.js';
import { literalLineAt } from '../source/literals.js';
import type { Place } from '../source/positions.js';
import { counted } from './offers.js';
import { commandNames, type ProbeCommand } from './probe-command.js';

/**
 * For the innermost function literal around `at` (UTF-16). Nothing where the binary's lines are not the buffer's, where
 * the literal was inlined, or where another one begins on the same line.
 */
export async function closureActions(
  view: FileView,
  at: Place,
  binaries: Binaries,
  book: ProbeBook,
): Promise<readonly CodeAction[]> {
  const around = view.functions.find(
    ({ declaration: { span } }) => span.start.line <= at.line && at.line <= span.end.line,
  );
  const symbol = around?.facts?.symbol;
  const line = literalLineAt(view.document, at);
  if (view.binary.kind !== 'ready' || symbol === undefined || line === undefined || !linesHold(view)) return [];
  const { path, identity } = view.binary.summary;
  const bodies = await unlessReplaced(binaries.closures({ path, identity, symbol, line }));
  const [closure, ...others] = new Set(bodies.map((body) => withoutTypeArguments(body.name)));
  if (closure === undefined || others.length > 0) return [];
  const status = book.status(closure);
  const title =
    status === undefined
      ? `Probe the closure ${closure}`
      : `Remove the probe on ${closure} (${counted(status.hits, 'hit')})`;
  const argument: ProbeCommand = { function: closure, names: bodies.map((body) => body.name), uri: view.document.uri };
  const command = status === undefined ? commandNames.probe : commandNames.unprobe;
  return [{ title, command: { title, command, arguments: [argument] } }];
}
