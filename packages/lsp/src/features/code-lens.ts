import { basename } from 'node:path';
import type { CodeLens } from 'vscode-languageserver/node';
import { type FileView, isAbsent } from '../file-view.js';
import type { ProbeBook } from '../session/probe-book.js';
import { offersFor, symbolOfView } from './offers.js';
import { commandNames, makeCommand } from './probe-command.js';

/** On the line of each function's name. */
export function codeLenses(view: FileView, book: ProbeBook, isLive: boolean): CodeLens[] {
  const { document } = view;
  if (isAbsent(view) && view.functions.length > 0) return [absentFile(view)];
  return view.functions.flatMap((fn) => {
    const { facts, declaration } = fn;
    if (facts === undefined) return [];
    const range = document.spanToClient(declaration.nameSpan);
    return offersFor(view, fn, book, isLive).map((offer) => ({
      range,
      command: makeCommand(offer.lens, offer.command, facts, symbolOfView(view, fn), document.uri),
    }));
  });
}

/** One lens for the whole file instead of one above every function. */
function absentFile(view: FileView): CodeLens {
  const program = view.binary.kind === 'ready' ? basename(view.binary.summary.path) : 'the binary';
  return {
    range: view.document.spanToClient(view.source.packageSpan),
    command: {
      title: `nothing of this file is in ${program}`,
      command: commandNames.explain,
      arguments: [{ function: basename(view.file), uri: view.document.uri }],
    },
  };
}
