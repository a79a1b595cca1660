/** A Go expression as a tree of our own, so that lowering does not depend on how a parser names things. */
import type { Node, Parser } from 'web-tree-sitter';
import { LiteralError, readLiteral } from '../../spec/go-literal.js';
import { Refused } from '../refused.js';
import { whyNotGo } from './not-go.js';
import { refuseForm, unsupported } from './unsupported-forms.js';

export type UnaryOperator = '-' | '+' | '!' | '^' | '*' | '&';

export type BinaryOperator =
  | '||'
  | '&&'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '&^'
  | '<<'
  | '>>';

/** `text` is what the person wrote, for messages. */
export type Syntax = { readonly text: string } & (
  | { readonly kind: 'integer' | 'float' | 'rune' }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'select'; readonly operand: Syntax; readonly field: string }
  | { readonly kind: 'index'; readonly operand: Syntax; readonly index: Syntax }
  | {
      readonly kind: 'slice';
      readonly operand: Syntax;
      readonly low: Syntax | undefined;
      readonly high: Syntax | undefined;
    }
  /** `type`: names, selections and stars in front of them. */
  | { readonly kind: 'assert'; readonly operand: Syntax; readonly type: Syntax }
  /** `type` undefined: within another one, of its parts' type. */
  | {
      readonly kind: 'composite';
      readonly type: Syntax | undefined;
      readonly elements: readonly { readonly key: Syntax | undefined; readonly value: Syntax }[];
    }
  /** Of types that are made of others: their names, with what stands around them. */
  | { readonly kind: 'composite-type'; readonly parts: readonly (Syntax | string)[] }
  | { readonly kind: 'call'; readonly callee: Syntax; readonly arguments: readonly Syntax[] }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Syntax }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Syntax;
      readonly right: Syntax;
    }
);

const unaryOperators: readonly UnaryOperator[] = ['-', '+', '!', '^', '*', '&'];
const binaryOperators: readonly BinaryOperator[] = [
  '||',
  '&&',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  '^',
  '&^',
  '<<',
  '>>',
];

const field = (node: Node, name: string): Node => node.childForFieldName(name) ?? unsupported(node);

const operatorOf = <T extends string>(node: Node, operators: readonly T[]): T => {
  const written = field(node, 'operator').text;
  return operators.find((each) => each === written) ?? unsupported(node);
};

const optional = (node: Node | null): Syntax | undefined => (node === null ? undefined : convert(node));

/** For `textBytes`. */
const textOf = (literal: string): string => {
  try {
    return readLiteral(literal, 0, true).value;
  } catch (error) {
    if (!(error instanceof LiteralError)) throw error;
    throw new Refused('syntax', `${literal}: ${error.message}; correct it.`);
  }
};

const convertArguments = (node: Node): readonly Syntax[] => {
  const list = field(node, 'arguments');
  // f(xs...) and new(T) have children that are no expressions.
  return list.namedChildren.map((child) => convert(child));
};

/** The type in `x.(T)`. */
const convertType = (node: Node, advice = 'ask for a type with a name'): Syntax => {
  const { text } = node;
  switch (node.type) {
    case 'parenthesized_type': {
      const [inner] = node.namedChildren;
      return inner === undefined ? unsupported(node) : convertType(inner);
    }
    case 'type_identifier':
      return { kind: 'name', text, name: text };
    case 'qualified_type': {
      const name = field(node, 'package').text;
      return {
        kind: 'select',
        text,
        operand: { kind: 'name', text: name, name },
        field: field(node, 'name').text,
      };
    }
    case 'pointer_type': {
      const [target] = node.namedChildren;
      return target === undefined
        ? unsupported(node)
        : { kind: 'unary', text, operator: '*', operand: convertType(target) };
    }
    case 'generic_type': {
      const inner = field(node, 'type_arguments').namedChildren.map((each) =>
        convertType(each.namedChildren[0] ?? each),
      );
      return { kind: 'composite-type', text, parts: [convertType(field(node, 'type')), '[', ...joined(inner), ']'] };
    }
    case 'slice_type':
      return { kind: 'composite-type', text, parts: ['[]', convertType(field(node, 'element'))] };
    case 'array_type': {
      const length = field(node, 'length').text;
      return { kind: 'composite-type', text, parts: [`[${length}]`, convertType(field(node, 'element'))] };
    }
    case 'map_type':
      return {
        kind: 'composite-type',
        text,
        parts: ['map[', convertType(field(node, 'key')), ']', convertType(field(node, 'value'))],
      };
    case 'channel_type': {
      const direction = text.startsWith('<-') ? '<-chan ' : /^chan\s*<-/.test(text) ? 'chan<- ' : 'chan ';
      return { kind: 'composite-type', text, parts: [direction, convertType(field(node, 'value'))] };
    }
    default:
      throw new Refused(
        'unsupported-syntax',
        `${text}: the kernel knows no types without a name but []T, [N]T, map[K]V and chan T; ${advice}.`,
      );
  }
};

const joined = (types: readonly Syntax[]): readonly (Syntax | string)[] =>
  types.flatMap((each, index) => (index === 0 ? [each] : [',', each]));

/** What stands between the braces of T{...}. */
const convertLiteral = (body: Node, text: string, type: Syntax | undefined): Syntax => {
  const elements = body.namedChildren.map((child) => {
    if (child.type !== 'keyed_element') return { key: undefined, value: convert(child) };
    const [key, value] = child.namedChildren;
    return key === undefined || value === undefined ? unsupported(child) : { key: convert(key), value: convert(value) };
  });
  return { kind: 'composite', text, type, elements };
};

const convert = (node: Node): Syntax => {
  const { text } = node;
  switch (node.type) {
    case 'parenthesized_expression': {
      const [inner, ...rest] = node.namedChildren;
      return inner === undefined || rest.length > 0 ? unsupported(node) : convert(inner);
    }
    case 'int_literal':
      return { kind: 'integer', text };
    case 'float_literal':
      return { kind: 'float', text };
    case 'rune_literal':
      return { kind: 'rune', text };
    case 'interpreted_string_literal':
    case 'raw_string_literal':
      return { kind: 'string', text, value: textOf(text) };
    case 'identifier':
    case 'true':
    case 'false':
    case 'nil':
      return { kind: 'name', text, name: text };
    case 'selector_expression':
      return { kind: 'select', text, operand: convert(field(node, 'operand')), field: field(node, 'field').text };
    case 'index_expression':
      return { kind: 'index', text, operand: convert(field(node, 'operand')), index: convert(field(node, 'index')) };
    case 'type_assertion_expression':
      return { kind: 'assert', text, operand: convert(field(node, 'operand')), type: convertType(field(node, 'type')) };
    case 'slice_expression': {
      if (node.childForFieldName('capacity') !== null) return unsupported(node);
      const low = optional(node.childForFieldName('start'));
      const high = optional(node.childForFieldName('end'));
      return { kind: 'slice', text, operand: convert(field(node, 'operand')), low, high };
    }
    case 'call_expression':
      if (node.childForFieldName('type_arguments') !== null)
        return refuseForm(node, 'calls no functions', 'compare variables, fields and elements');
      return { kind: 'call', text, callee: convert(field(node, 'function')), arguments: convertArguments(node) };
    case 'composite_literal':
      return convertLiteral(field(node, 'body'), text, convertType(field(node, 'type'), 'compare field by field'));
    case 'literal_value':
      return convertLiteral(node, text, undefined);
    case 'literal_element': {
      const [inner] = node.namedChildren;
      return inner === undefined ? unsupported(node) : convert(inner);
    }
    case 'unary_expression': {
      const operator = operatorOf(node, unaryOperators);
      return { kind: 'unary', text, operator, operand: convert(field(node, 'operand')) };
    }
    case 'binary_expression': {
      const operator = operatorOf(node, binaryOperators);
      return {
        kind: 'binary',
        text,
        operator,
        left: convert(field(node, 'left')),
        right: convert(field(node, 'right')),
      };
    }
    default:
      return unsupported(node);
  }
};

/** Longer conditions are no conditions; the parser's time is bounded with them. */
const longestExpression = 4096;

// An expression alone is no Go file, and without the final newline tree-sitter-go finds an error at the end.
const before = 'package p\nvar _ = ';

/** Where the parser first met what it did not expect. */
const firstError = (node: Node): Node | undefined => {
  if (node.isError || node.isMissing) return node;
  for (const child of node.children) {
    const found = child.hasError || child.isMissing ? firstError(child) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
};

/** Throws Refused "syntax" for what is no Go expression and "unsupported-syntax" for what cannot be evaluated. */
export const parseExpression = (parser: Parser, expression: string): Syntax => {
  const text = expression.trim();
  const wrong = (stumbled = 0): never => {
    // Where nothing fits it is the whole.
    const at = stumbled > before.length ? stumbled - before.length : undefined;
    throw new Refused('syntax', `"${text}" is not a Go expression; ${whyNotGo(text, at)}.`);
  };
  if (text.length > longestExpression)
    throw new Refused(
      'too-large',
      `The expression has ${text.length} characters and ${longestExpression} is the most; leave a part of it out, or give the parts to several probes.`,
    );
  if (text === '') return wrong();
  const tree = parser.parse(`${before}${text}\n`);
  if (tree === null) return wrong();
  try {
    const { rootNode } = tree;
    const list = rootNode.namedChildren[1]?.namedChildren[0]?.childForFieldName('value');
    const node = list?.namedChildren[0];
    const isWhole = rootNode.namedChildren.length === 2 && list?.namedChildren.length === 1;
    if (rootNode.hasError || node === undefined || !isWhole || node.text !== text)
      return wrong(firstError(rootNode)?.startIndex);
    return convert(node);
  } finally {
    tree.delete();
  }
};
