/** The functions that a Go file declares, from its syntax tree. Broken code gives what can still be told apart. */
import type { Node, Tree } from 'web-tree-sitter';
import type { Span } from './positions.js';

export interface Receiver {
  /** Name of the type, without type parameters. */
  readonly type: string;
  readonly pointer: boolean;
}

export interface SourceFunction {
  readonly name: string;
  readonly receiver: Receiver | undefined;
  /** False for a declaration whose body is in assembly. */
  readonly hasBody: boolean;
  /** The whole declaration. */
  readonly span: Span;
  readonly nameSpan: Span;
  /** Among the functions called `init` of this file, from 0: a file may have several. */
  readonly initOrdinal: number | undefined;
}

export interface SourceFile {
  /** Of the package clause; undefined while it is being typed. */
  readonly packageName: string | undefined;
  readonly packageSpan: Span;
  readonly functions: readonly SourceFunction[];
}

/** What is needed of a document to read it; positions come from offsets, because tree-sitter counts no lone \r as a line. */
export interface SyntaxSource {
  syntax(): Tree;
  spanAt(startIndex: number, endIndex: number): Span;
}

const fileStart: Span = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** How a person names it: "price", "(*Book).Match", "Order.Total". */
export function displayName({ name, receiver }: SourceFunction): string {
  if (receiver === undefined) return name;
  return receiver.pointer ? `(*${receiver.type}).${name}` : `${receiver.type}.${name}`;
}

/** Unwraps `*T`, `(T)`, `T[K]` down to the type's name. */
function receiverOf(list: Node | null): Receiver | undefined {
  let node: Node | null = null;
  for (const child of list?.namedChildren ?? []) {
    if (child?.type === 'parameter_declaration') node = child.childForFieldName('type');
  }
  let pointer = false;
  while (node !== null) {
    if (node.type === 'type_identifier') return { type: node.text, pointer };
    if (node.type === 'pointer_type') pointer = true;
    node = node.type === 'generic_type' ? node.childForFieldName('type') : node.namedChild(0);
  }
  return undefined;
}

function declarationOf(node: Node, inits: number, text: SyntaxSource): SourceFunction | undefined {
  const name = node.childForFieldName('name');
  if (name === null || name.isMissing || name.text === '') return undefined;
  const isMethod = node.type === 'method_declaration';
  const receiver = isMethod ? receiverOf(node.childForFieldName('receiver')) : undefined;
  if (isMethod && receiver === undefined) return undefined;
  return {
    name: name.text,
    receiver,
    hasBody: node.childForFieldName('body') !== null,
    span: text.spanAt(node.startIndex, node.endIndex),
    nameSpan: text.spanAt(name.startIndex, name.endIndex),
    initOrdinal: !isMethod && name.text === 'init' ? inits : undefined,
  };
}

/** tree-sitter puts what it cannot place under ERROR nodes; whole declarations survive inside them. */
const errorDepth = 3;

export function readSource(text: SyntaxSource): SourceFile {
  const functions: SourceFunction[] = [];
  let packageName: string | undefined;
  let packageSpan = fileStart;
  let inits = 0;
  const visit = (parent: Node, depth: number): void => {
    for (const node of parent.namedChildren) {
      if (node === null) continue;
      if (node.type === 'function_declaration' || node.type === 'method_declaration') {
        const declaration = declarationOf(node, inits, text);
        if (declaration === undefined) continue;
        if (declaration.initOrdinal !== undefined) inits++;
        functions.push(declaration);
      } else if (node.type === 'package_clause' && packageName === undefined) {
        packageSpan = text.spanAt(node.startIndex, node.endIndex);
        packageName = node.namedChildren.find((child) => child?.type === 'package_identifier')?.text;
      } else if (node.type === 'ERROR' && depth < errorDepth) {
        visit(node, depth + 1);
      }
    }
  };
  visit(text.syntax().rootNode, 0);
  return { packageName, packageSpan, functions };
}
