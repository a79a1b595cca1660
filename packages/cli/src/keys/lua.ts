/** Reads one table constructor of Lua 5.1: strings, names, numbers, nested tables and comments; no expressions. */

export interface LuaEntry {
  /** Name or string before "="; undefined in a list. */
  readonly key: string | undefined;
  readonly value: LuaValue;
  readonly line: number;
}

export type LuaValue = string | { readonly entries: readonly LuaEntry[] };

class Reader {
  constructor(
    private readonly text: string,
    private at: number,
  ) {}

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private blank(): void {
    this.take(/(?:\s|--[^\n]*)*/y);
  }

  private get line(): number {
    return this.text.slice(0, this.at).split('\n').length;
  }

  private fail(expected: string): never {
    throw new SyntaxError(`line ${this.line}: ${expected} expected`);
  }

  private quoted(): string | undefined {
    const found = this.take(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/y);
    return found?.slice(1, -1).replace(/\\(.)/g, '$1');
  }

  private key(): string | undefined {
    const bracketed = this.take(/\[\s*(?=['"])/y);
    if (bracketed !== undefined) {
      const key = this.quoted() ?? this.fail('a string');
      if (this.take(/\s*\]\s*=\s*/y) === undefined) this.fail('"] ="');
      return key;
    }
    return this.take(/[A-Za-z_]\w*\s*=(?!=)\s*/y)?.replace(/\s*=\s*$/, '');
  }

  value(): LuaValue {
    this.blank();
    const quoted = this.quoted();
    if (quoted !== undefined) return quoted;
    if (this.take(/\{/y) === undefined) return this.take(/[\w.-]+/y) ?? this.fail('a value');
    const entries: LuaEntry[] = [];
    for (;;) {
      this.blank();
      if (this.take(/\}/y) !== undefined) return { entries };
      const line = this.line;
      const key = this.key();
      entries.push({ key, value: this.value(), line });
      this.blank();
      if (this.take(/[,;]/y) === undefined && this.text[this.at] !== '}') this.fail('"," or "}"');
    }
  }
}

/** The table that is assigned to a name. Throws SyntaxError that names the line. */
export const luaTable = (text: string, name: string): readonly LuaEntry[] => {
  const assignment = `\n${name} = `;
  const at = text.indexOf(assignment);
  if (at < 0) throw new SyntaxError(`${name} is assigned nowhere`);
  const value = new Reader(text, at + assignment.length).value();
  if (typeof value === 'string') throw new SyntaxError(`${name} is no table`);
  return value.entries;
};
