/** Words, literals and Go expressions of a probe's text. */
import { LiteralError, readLiteral, skipLiteral, startsLiteral } from './go-literal.js';
import { otherWords } from './other-words.js';

/** What is wrong with a text, and where (UTF-16 units from its start). */
export class TextError extends Error {
  override readonly name = 'TextError';
  constructor(
    readonly position: number,
    message: string,
  ) {
    super(message);
  }
}

const opening: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
]);
const closing = new Set(opening.values());

const isSpace = (character: string): boolean => /^\s$/.test(character);
const isWordCharacter = (character: string): boolean => /^[\p{L}\p{Nd}_]$/u.test(character);

export class Scanner {
  position = 0;

  constructor(readonly text: string) {}

  get atEnd(): boolean {
    this.skipSpace();
    return this.position >= this.text.length;
  }

  skipSpace(): void {
    while (this.position < this.text.length && isSpace(this.text.charAt(this.position))) this.position++;
  }

  fail(message: string, position = this.position): never {
    throw new TextError(position, message);
  }

  /** What stands at the position, for messages. */
  found(): string {
    this.skipSpace();
    if (this.position >= this.text.length) return 'the end';
    return `"${/^\S+/.exec(this.text.slice(this.position))?.[0] ?? ''}"`;
  }

  /** The word (letters, digits, _) at the position, not consumed. */
  peekWord(): string {
    this.skipSpace();
    return /^[\p{L}\p{Nd}_]*/u.exec(this.text.slice(this.position))?.[0] ?? '';
  }

  takeWord(word: string): boolean {
    if (this.peekWord() !== word) return false;
    this.position += word.length;
    return true;
  }

  takeExact(text: string): boolean {
    if (!this.text.startsWith(text, this.position)) return false;
    this.position += text.length;
    return true;
  }

  /** Everything up to white space outside brackets. */
  takeUntilSpace(): string {
    this.skipSpace();
    const start = this.position;
    const open: string[] = [];
    while (this.position < this.text.length) {
      const character = this.text.charAt(this.position);
      if (open.length === 0 && isSpace(character)) break;
      const close = opening.get(character);
      if (close !== undefined) open.push(close);
      else if (closing.has(character) && open.pop() !== character)
        this.fail(`There is no opening bracket for this "${character}"`);
      this.position++;
    }
    if (open.length > 0) this.fail(`Expected "${open.pop()}" before the end of the name`);
    return this.text.slice(start, this.position);
  }

  atLiteral(): boolean {
    this.skipSpace();
    return startsLiteral(this.text, this.position);
  }

  takeLiteral(): string {
    const { value, end } = this.#literally(() => readLiteral(this.text, this.position));
    this.position = end;
    return value;
  }

  takeDigits(what: string): string {
    this.skipSpace();
    const digits = /^[0-9]+/.exec(this.text.slice(this.position))?.[0];
    if (digits === undefined) return this.fail(`Expected ${what}, found ${this.found()}`);
    this.position += digits.length;
    return digits;
  }

  /**
   * A Go expression: up to the end, or to one of `keywords` where Go could have no name. Two operands never stand side
   * by side in Go, so a word after a complete operand is a keyword, and after an operator it is a variable.
   */
  takeExpression(keywords: ReadonlySet<string>): string {
    this.skipSpace();
    const start = this.position;
    const open: string[] = [];
    let afterOperand = false;
    while (this.position < this.text.length) {
      const character = this.text.charAt(this.position);
      if (isSpace(character)) {
        this.position++;
        continue;
      }
      if (isWordCharacter(character)) {
        const word = this.peekWord();
        if (word === 'func' && open.length === 0 && !afterOperand)
          this.fail('A condition runs no functions; compare variables, fields and elements');
        if (open.length === 0 && afterOperand && !this.#isBehindBrackets(start)) {
          if (keywords.has(word)) break;
          this.#failBesideOperand(keywords);
        }
        this.position += word.length;
        afterOperand = true;
        continue;
      }
      if (afterOperand && open.length === 0 && startsLiteral(this.text, this.position))
        this.#failBesideOperand(keywords);
      afterOperand = this.#takeSymbol(character, open);
    }
    if (open.length > 0) this.fail(`Expected "${open.pop()}" before the end of the condition`);
    return this.text.slice(start, this.position).trim();
  }

  #failBesideOperand(keywords: ReadonlySet<string>): never {
    const word = this.peekWord();
    const instead = otherWords.get(word);
    if (instead !== undefined) this.fail(`"${word}" is no operator; ${instead}`);
    return this.fail(`Expected an operator, ${[...keywords].join(', ')} or the end, found ${this.found()}`);
  }

  /** Right behind `[]` or `[4]` a word is the element's type. */
  #isBehindBrackets(start: number): boolean {
    return /(?:^|[^\p{L}\p{Nd}_)\]\s])\s*(?:\[\d*\])+$/u.test(this.text.slice(start, this.position));
  }

  /** Consumes a literal, a bracket or a character of an operator; true when an operand ends with it. */
  #takeSymbol(character: string, open: string[]): boolean {
    if (startsLiteral(this.text, this.position)) {
      this.position = this.#literally(() => skipLiteral(this.text, this.position));
      return true;
    }
    const close = opening.get(character);
    if (close !== undefined) open.push(close);
    else if (closing.has(character) && open.pop() !== character) {
      this.fail(`There is no opening bracket for this "${character}"`);
    }
    this.position++;
    return closing.has(character);
  }

  #literally<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof LiteralError) throw new TextError(error.position, error.message);
      throw error;
    }
  }
}
