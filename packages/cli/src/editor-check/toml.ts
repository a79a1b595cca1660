/**
 * Reads TOML 1.0 as far as Helix's files use it: tables, arrays of tables, dotted and quoted keys, strings, numbers,
 * booleans, arrays and inline tables. Dates are kept as text.
 */

type Table = Record<string, unknown>;

const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', e: '\x1b' };

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  private fail(expected: string): never {
    const line = this.text.slice(0, this.at).split('\n').length;
    throw new SyntaxError(`line ${line}: ${expected} expected`);
  }

  /** The text that a sticky pattern finds here, which is then behind us. */
  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private skipBlank(): void {
    this.take(/(?:\s|#[^\n]*)*/y);
  }

  private demand(pattern: RegExp, expected: string): string {
    return this.take(pattern) ?? this.fail(expected);
  }

  private key(): readonly string[] {
    const parts: string[] = [];
    do {
      this.take(/[ \t]*/y);
      const quoted = this.string();
      parts.push(quoted ?? this.demand(/[\w-]+/y, 'a key'));
      this.take(/[ \t]*/y);
    } while (this.take(/\./y) !== undefined);
    return parts;
  }

  private string(): string | undefined {
    const literal = this.take(/'''[\s\S]*?'''|'[^'\n]*'/y);
    if (literal !== undefined) return literal.replace(/^'''\n?|'''$/g, '').replace(/^'|'$/g, '');
    const basic = this.take(/"""(?:\\[\s\S]|(?!""")[\s\S])*"""|"(?:\\.|[^"\\\n])*"/y);
    if (basic === undefined) return undefined;
    const inner = basic.startsWith('"""') ? basic.slice(3, -3).replace(/^\n/, '') : basic.slice(1, -1);
    return inner.replace(
      /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(\s*\n\s*)|(.))/g,
      (_, short: string | undefined, long: string | undefined, fold: string | undefined, one: string | undefined) => {
        if (fold !== undefined) return '';
        const code = short ?? long;
        return code === undefined ? (escapes[one ?? ''] ?? one ?? '') : String.fromCodePoint(Number.parseInt(code, 16));
      },
    );
  }

  private value(): unknown {
    const text = this.string();
    if (text !== undefined) return text;
    if (this.take(/\[/y) !== undefined) return this.array();
    if (this.take(/\{/y) !== undefined) return this.inlineTable();
    const bare = this.demand(/[^\s,\]}#"']+/y, 'a value');
    if (bare === 'true' || bare === 'false') return bare === 'true';
    const number = Number(bare.replaceAll('_', ''));
    return Number.isNaN(number) ? bare : number;
  }

  private array(): readonly unknown[] {
    const items: unknown[] = [];
    for (;;) {
      this.skipBlank();
      if (this.take(/\]/y) !== undefined) return items;
      items.push(this.value());
      this.skipBlank();
      if (this.take(/,/y) === undefined && this.text[this.at] !== ']') this.fail('"," or "]"');
    }
  }

  private inlineTable(): Table {
    const table: Table = Object.create(null);
    for (;;) {
      this.skipBlank();
      if (this.take(/\}/y) !== undefined) return table;
      this.pair(table);
      this.skipBlank();
      if (this.take(/,/y) === undefined && this.text[this.at] !== '}') this.fail('"," or "}"');
    }
  }

  private pair(into: Table): void {
    const key = this.key();
    this.demand(/=[ \t]*/y, '"="');
    const last = key.at(-1) ?? '';
    descend(into, key.slice(0, -1))[last] = this.value();
  }

  document(): Table {
    const root: Table = Object.create(null);
    let current = root;
    for (;;) {
      this.skipBlank();
      if (this.at >= this.text.length) return root;
      const isArray = this.take(/\[\[/y) !== undefined;
      if (isArray || this.take(/\[/y) !== undefined) {
        const key = this.key();
        this.demand(isArray ? /\]\]/y : /\]/y, isArray ? '"]]"' : '"]"');
        current = isArray ? appended(root, key) : descend(root, key);
      } else {
        this.pair(current);
      }
      this.demand(/[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y, 'the end of the line');
    }
  }
}

/** The table at a key, made where it is missing; of an array of tables the last one is meant. */
function descend(table: Table, key: readonly string[]): Table {
  let at = table;
  for (const part of key) {
    const found = at[part];
    const next: unknown = Array.isArray(found) ? found.at(-1) : found;
    const made: Table = isTable(next) ? next : Object.create(null);
    if (!isTable(next)) at[part] = made;
    at = made;
  }
  return at;
}

function appended(root: Table, key: readonly string[]): Table {
  const parent = descend(root, key.slice(0, -1));
  const last = key.at(-1) ?? '';
  const found = parent[last];
  const table: Table = Object.create(null);
  if (Array.isArray(found)) found.push(table);
  else parent[last] = [table];
  return table;
}

/** Throws SyntaxError that names the line. */
export const parseToml = (text: string): Readonly<Record<string, unknown>> => new Reader(text).document();
