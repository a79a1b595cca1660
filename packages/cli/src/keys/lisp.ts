/** Reads Emacs Lisp as far as configurations use it: lists, symbols, strings, quotes, characters and comments. */

export interface LispList {
  readonly items: readonly Lisp[];
  readonly line: number;
}

/** A symbol or number as it is written, a string, or a list. 'x is (quote x), #'x is (function x). */
export type Lisp = { readonly symbol: string } | { readonly text: string } | LispList;

export const isList = (value: Lisp | undefined): value is LispList => value !== undefined && 'items' in value;

export const symbolOf = (value: Lisp | undefined): string | undefined =>
  value !== undefined && 'symbol' in value ? value.symbol : undefined;

const tokens =
  /(?<blank>(?:\s|;[^\n]*)+)|(?<open>[([])|(?<close>[)\]])|(?<prefix>#'|'|`|,@?)|"(?<text>(?:\\[\s\S]|[^"\\])*)"|(?<symbol>\?\\?.|[^\s()[\]"';`,]+)/gu;

const prefixes: Readonly<Record<string, string>> = {
  "#'": 'function',
  "'": 'quote',
  '`': 'backquote',
  ',': 'comma',
  ',@': 'comma',
};

interface Open {
  readonly items: Lisp[];
  readonly line: number;
  /** Made by a quote: it ends with its second item. */
  readonly isQuote: boolean;
}

/** Forms of a file. Throws SyntaxError that names the line. */
export const parseLisp = (source: string): readonly LispList[] => {
  const top: Open = { items: [], line: 1, isQuote: false };
  const open: Open[] = [top];
  let line = 1;
  const add = (value: Lisp): void => {
    let added = value;
    for (;;) {
      const into = open.at(-1) ?? top;
      into.items.push(added);
      if (!into.isQuote) return;
      open.pop();
      added = { items: into.items, line: into.line };
    }
  };
  for (const { 0: all, groups = {} } of source.matchAll(tokens)) {
    if (groups.open !== undefined) open.push({ items: [], line, isQuote: false });
    else if (groups.prefix !== undefined)
      open.push({ items: [{ symbol: prefixes[groups.prefix] ?? 'quote' }], line, isQuote: true });
    else if (groups.close !== undefined) {
      const closed = open.pop();
      if (closed === undefined || closed === top || closed.isQuote)
        throw new SyntaxError(`line ${line}: a bracket too many`);
      add({ items: closed.items, line: closed.line });
    } else if (groups.symbol !== undefined) add({ symbol: groups.symbol });
    else if (groups.text !== undefined) add({ text: groups.text.replace(/\\([\s\S])/g, '$1') });
    line += all.split('\n').length - 1;
  }
  if (open.length > 1) throw new SyntaxError(`line ${open.at(-1)?.line ?? line}: a bracket is not closed`);
  return top.items.filter(isList);
};
