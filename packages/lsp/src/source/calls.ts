/** The calls of a Go file by line, with the name that is called: `f` of `f(x)`, `Get` of `a.b.Get(x)`. */
import type { Node } from 'web-tree-sitter';
import type { SyntaxSource } from './functions.js';
import type { Span } from './positions.js';

export interface SourceCall {
  readonly name: string;
  readonly nameSpan: Span;
}

function calledName(node: Node): Node | null {
  const called = node.childForFieldName('function');
  if (called === null) return null;
  switch (called.type) {
    case 'identifier':
      return called;
    case 'selector_expression':
      return called.childForFieldName('field');
    // f[int](x)
    case 'type_instantiation_expression':
    case 'index_expression':
      return calledName(called) ?? called.namedChild(0);
    default:
      return null;
  }
}

/** @param lines from 0, half open. */
export function callsIn(text: SyntaxSource, lines: readonly [number, number]): readonly SourceCall[] {
  const [from, to] = lines;
  const root = text.syntax().rootNode;
  return root.descendantsOfType('call_expression', { row: from, column: 0 }, { row: to, column: 0 }).flatMap((node) => {
    const name = node === null ? null : calledName(node);
    if (name === null) return [];
    return [{ name: name.text, nameSpan: text.spanAt(name.startIndex, name.endIndex) }];
  });
}
