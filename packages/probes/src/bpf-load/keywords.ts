/** Go's word `type` may name a field here, where Go itself would not read it as a name. */

/** What stands for it while the expression is read. */
const standIn = 'type_';

/** Texts between quotes, and the word by itself. */
const literalOrWord = /"(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*'|(?<![\w.])type(?!\w)/g;

/** The expression with names that Go can read. */
export const readable = (expression: string): string =>
  expression.replace(literalOrWord, (found) => (found === 'type' ? standIn : found));

/** A field's name as an expression has it. */
export const readableName = (name: string): string => (name === 'type' ? standIn : name);

/** The other way: a field's own name, or a sentence with the person's words. */
export const original = (text: string): string => text.replace(/\btype_(?!\w)/g, 'type');
