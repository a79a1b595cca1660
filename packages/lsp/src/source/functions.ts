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
  /** The same object as long as no edit touches the declaration, wherever it moves. */
  readonly declared: object;
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
  /** Of the tree that `syntax` gave last. Nodes with one id in two trees whose numbers follow each other are the same. */
  readonly treeNumber: number;
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

/** What a declaration says wherever it stands: reading it costs ten calls into the parser, an edit touches one. */
interface ReadDeclaration {
  readonly name: string;
  readonly receiver: Receiver | undefined;
  readonly hasBody: boolean;
  readonly isInit: boolean;
  /** UTF-16 units from the declaration's start. */
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly length: number;
}

/** Of the tree of that number; by node id. Undefined for what cannot be a declaration yet. */
interface ReadTree {
  readonly number: number;
  readonly declarations: ReadonlyMap<number, ReadDeclaration | undefined>;
}

const readTrees = new WeakMap<SyntaxSource, ReadTree>();

function readDeclaration(node: Node): ReadDeclaration | undefined {
  const name = node.childForFieldName('name');
  if (name === null || name.isMissing || name.text === '') return undefined;
  const isMethod = node.type === 'method_declaration';
  const receiver = isMethod ? receiverOf(node.childForFieldName('receiver')) : undefined;
  if (isMethod && receiver === undefined) return undefined;
  return {
    name: name.text,
    receiver,
    hasBody: node.childForFieldName('body') !== null,
    isInit: !isMethod && name.text === 'init',
    nameStart: name.startIndex - node.startIndex,
    nameEnd: name.endIndex - node.startIndex,
    length: node.endIndex - node.startIndex,
  };
}

function placed(read: ReadDeclaration, start: number, inits: number, text: SyntaxSource): SourceFunction {
  const { name, receiver, hasBody, isInit, nameStart, nameEnd, length } = read;
  return {
    name,
    receiver,
    hasBody,
    span: text.spanAt(start, start + length),
    nameSpan: text.spanAt(start + nameStart, start + nameEnd),
    initOrdinal: isInit ? inits : undefined,
    declared: read,
  };
}

/** tree-sitter puts what it cannot place under ERROR nodes; whole declarations survive inside them. */
const errorDepth = 3;

export function readSource(text: SyntaxSource): SourceFile {
  const root = text.syntax().rootNode;
  const before = readTrees.get(text);
  const isNear = before !== undefined && text.treeNumber - before.number <= 1;
  const known: ReadTree['declarations'] = isNear ? before.declarations : new Map();
  const declarations = new Map<number, ReadDeclaration | undefined>();
  const functions: SourceFunction[] = [];
  let packageName: string | undefined;
  let packageSpan = fileStart;
  let inits = 0;
  const visit = (parent: Node, depth: number): void => {
    for (const node of parent.namedChildren) {
      if (node === null) continue;
      if (node.type === 'function_declaration' || node.type === 'method_declaration') {
        const read = known.has(node.id) ? known.get(node.id) : readDeclaration(node);
        declarations.set(node.id, read);
        if (read === undefined) continue;
        functions.push(placed(read, node.startIndex, inits, text));
        if (read.isInit) inits++;
      } else if (node.type === 'package_clause' && packageName === undefined) {
        packageSpan = text.spanAt(node.startIndex, node.endIndex);
        packageName = node.namedChildren.find((child) => child?.type === 'package_identifier')?.text;
      } else if (node.type === 'ERROR' && depth < errorDepth) {
        visit(node, depth + 1);
      }
    }
  };
  visit(root, 0);
  readTrees.set(text, { number: text.treeNumber, declarations });
  return { packageName, packageSpan, functions };
}
