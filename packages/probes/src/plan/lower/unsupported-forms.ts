/** Go's forms that the kernel cannot evaluate, in Go's words. */
import type { Node } from 'web-tree-sitter';
import { Refused } from '../refused.js';

/** What a form that is not supported is called in Go, by the name of its node, and what would do. */
const forms: ReadonlyMap<string, readonly [what: string, advice?: string]> = new Map([
  ['type_conversion_expression', ['makes no values of composite types', 'compare the value itself']],
  ['func_literal', ['runs no function literals', 'compare variables, fields and elements']],
  ['imaginary_literal', ['knows no imaginary literals', 'compare both parts, as in real(z) == 1 && imag(z) == 2']],
  ['iota', ['knows no iota, which is for declarations of constants', 'write the number']],
  ['type_instantiation_expression', ['calls no functions', 'compare variables, fields and elements']],
  ['slice_expression', ['cuts nothing to a capacity', 'leave the third bound out']],
  ['variadic_argument', ['calls no functions', 'compare variables, fields and elements']],
]);

/** Types stand in calls of new and make, whose name says more. */
const typeNodes = /_type$|^type_identifier$/;

/** Throws Refused. */
export const unsupported = (node: Node): never => {
  if (node.type === 'unary_expression' && node.text.startsWith('<-'))
    return refuseForm(node, 'receives nothing from channels', 'ask for len(c) or cap(c)');
  if (typeNodes.test(node.type))
    return refuseForm(node.parent?.parent ?? node, 'makes no values', 'compare variables, fields and elements');
  const [what, advice] = forms.get(node.type) ?? ['cannot evaluate it'];
  return refuseForm(node, what, advice ?? 'the condition stays with the debugger');
};

/** Throws Refused; the sentence begins with what was written. */
export const refuseForm = (node: Node, what: string, advice: string): never => {
  throw new Refused('unsupported-syntax', `${node.text}: the kernel ${what}; ${advice}.`);
};
