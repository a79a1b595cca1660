import type { CodeAction, Range } from 'vscode-languageserver/node';
import type { FileView } from '../file-view.js';
import type { ProbeBook } from '../session/probe-book.js';
import type { Span } from '../source/positions.js';
import { offersFor, symbolOfView } from './offers.js';
import { actionKind, makeCommand } from './probe-command.js';

const touches = (span: Span, range: Range): boolean =>
  span.start.line <= range.end.line && range.start.line <= span.end.line;

/** Twins of the lenses, for clients that have none: offered anywhere in the function. `range` counts UTF-16. */
export function codeActions(view: FileView, range: Range, book: ProbeBook, isLive: boolean): CodeAction[] {
  return view.functions.flatMap((fn) => {
    const { facts, declaration } = fn;
    if (facts === undefined || !touches(declaration.span, range)) return [];
    return offersFor(view, fn, book, isLive).map((offer) => ({
      title: offer.action,
      kind: actionKind,
      command: makeCommand(offer.action, offer.command, facts, symbolOfView(view, fn), view.document.uri),
    }));
  });
}
