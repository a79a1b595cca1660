/** A word at every call that the compiler replaced by the function's code. */
import { type InlayHint, InlayHintKind } from 'vscode-languageserver/node';
import type { InlinedCall } from '../binary/protocol.js';
import type { FileView } from '../file-view.js';
import { withoutTypeArguments } from '../module/symbol-name.js';
import { callsIn, type SourceCall } from '../source/calls.js';

const shortName = (callee: string): string => withoutTypeArguments(callee).split('.').at(-1) ?? '';

/**
 * Where a line has several calls of one name it cannot be told which of them was inlined: no hint then.
 * @param lines from 0, half open.
 */
export function inlayHints(
  view: FileView,
  inlined: readonly InlinedCall[],
  lines: readonly [number, number],
): InlayHint[] {
  const byLine = new Map<string, SourceCall[]>();
  for (const call of callsIn(view.document, lines)) {
    const key = `${call.nameSpan.start.line + 1} ${call.name}`;
    byLine.set(key, [...(byLine.get(key) ?? []), call]);
  }
  const marked = new Set<SourceCall>();
  return inlined.flatMap(({ line, callee }) => {
    const calls = byLine.get(`${line} ${shortName(callee)}`) ?? [];
    const [call] = calls;
    if (call === undefined || calls.length > 1 || marked.has(call)) return [];
    marked.add(call);
    return [
      {
        position: view.document.spanToClient(call.nameSpan).end,
        label: 'inlined',
        kind: InlayHintKind.Type,
        paddingLeft: true,
        tooltip: `The code of ${callee} was copied here: a breakpoint or probe on the function alone does not see this call.`,
      },
    ];
  });
}
