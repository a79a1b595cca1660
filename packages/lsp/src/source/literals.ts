/** Function literals: closures have no name in the source, only a place. */
import type { SyntaxSource } from './functions.js';
import type { Place } from './positions.js';

/** Line, from 1, of the innermost function literal around a place; undefined outside of any. */
export function literalLineAt(text: SyntaxSource, { line, character }: Place): number | undefined {
  const point = { row: line, column: character };
  let node = text.syntax().rootNode.descendantForPosition(point);
  while (node !== null && node.type !== 'func_literal') node = node.parent;
  return node === null ? undefined : text.spanAt(node.startIndex, node.startIndex).start.line + 1;
}
