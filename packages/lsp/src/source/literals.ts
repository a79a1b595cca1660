/** Function literals: closures have no name in the source, only a place. */
import type { SyntaxSource } from './functions.js';
import type { Place } from './positions.js';

/**
 * Line, from 1, of the innermost function literal around a place; undefined outside of any, and where another literal
 * begins on the same line: it could not be told which of them is meant.
 */
export function literalLineAt(text: SyntaxSource, { line, character }: Place): number | undefined {
  const point = { row: line, column: character };
  const root = text.syntax().rootNode;
  let node = root.descendantForPosition(point);
  while (node !== null && node.type !== 'func_literal') node = node.parent;
  if (node === null) return undefined;
  const begin = text.spanAt(node.startIndex, node.startIndex).start.line;
  const nearby = root.descendantsOfType('func_literal', { row: begin, column: 0 }, { row: begin + 1, column: 0 });
  const beside = nearby.filter(
    (other) => other !== null && text.spanAt(other.startIndex, other.startIndex).start.line === begin,
  );
  return beside.length > 1 ? undefined : begin + 1;
}
