import type { CodeLens } from 'vscode-languageserver/node';
import type { FileView } from '../file-view.js';
import type { ProbeBook } from '../session/probe-book.js';
import { offersFor, symbolOfView } from './offers.js';
import { makeCommand } from './probe-command.js';

/** On the line of each function's name. */
export function codeLenses(view: FileView, book: ProbeBook, isLive: boolean): CodeLens[] {
  const { document } = view;
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
