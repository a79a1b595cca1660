/** Probing a closure: its name is the compiler's, so its place in the source has to tell which one is meant. */
import type { CodeAction } from 'vscode-languageserver/node';
import type { Binaries } from '../binary/binaries.js';
import { type FileView, linesHold, spellings, unlessReplaced } from '../file-view.js';
import { withoutTypeArguments } from '../module/symbol-name.js';
import type { ProbeBook } from '../session/probe-book.js';
import { literalLineAt } from '../source/literals.js';
import type { Place } from '../source/positions.js';
import { counted } from './offers.js';
import { actionKind, commandNames, type ProbeCommand } from './probe-command.js';

/** The name of the literal in its own function is the shortest: those in copies of that function begin with the caller. */
const shortestFirst = (one: string, other: string): number =>
  one.length - other.length || (one < other ? -1 : Number(one > other));

/**
 * For the innermost function literal around `at` (UTF-16), in all copies of the function around it. Nothing where the
 * binary's lines are not the buffer's, where the literal was inlined, or where another one begins on the same line.
 */
export async function closureActions(
  view: FileView,
  at: Place,
  binaries: Binaries,
  book: ProbeBook,
): Promise<readonly CodeAction[]> {
  const line = literalLineAt(view.document, at);
  if (view.binary.kind !== 'ready' || line === undefined || !linesHold(view)) return [];
  const { path, identity } = view.binary.summary;
  const files = spellings(view.file, view.package);
  const bodies = await unlessReplaced(binaries.closures({ path, identity, files, line }));
  const names = [...new Set(bodies.map((body) => body.name))].sort(shortestFirst);
  const [closure, ...copies] = [...new Set(names.map(withoutTypeArguments))];
  if (closure === undefined) return [];
  const status = book.status(closure);
  const copied = copies.length === 0 ? '' : ` and its ${counted(copies.length, 'copy', 'copies')}`;
  const title =
    status === undefined
      ? `Probe the closure ${closure}${copied}`
      : `Remove the probe on ${closure}${copied} (${counted(status.hits, 'hit')})`;
  const argument: ProbeCommand = { function: closure, names, uri: view.document.uri };
  const command = status === undefined ? commandNames.probe : commandNames.unprobe;
  return [{ title, kind: actionKind, command: { title, command, arguments: [argument] } }];
}
