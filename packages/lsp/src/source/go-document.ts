/** One open file: its text as the editor has it, and a syntax tree that follows every edit. */
import { type Range, TextDocument, type TextDocumentContentChangeEvent } from 'vscode-languageserver-textdocument';
import { Edit, type Parser, type Tree } from 'web-tree-sitter';
import { columnFromClient, columnToClient, type Place, type PositionUnits, type Span } from './positions.js';

/** A position of the client, in its own units. */
export interface ClientRange {
  readonly start: Place;
  readonly end: Place;
}

export class GoDocument {
  private readonly text: TextDocument;
  private tree: Tree | undefined;
  private parsed = false;
  private trees = 0;

  constructor(
    readonly uri: string,
    version: number,
    content: string,
    private readonly parser: Parser,
    private readonly units: PositionUnits,
  ) {
    this.text = TextDocument.create(uri, 'go', version, content);
  }

  get version(): number {
    return this.text.version;
  }

  get lineCount(): number {
    return this.text.lineCount;
  }

  content(): string {
    return this.text.getText();
  }

  /** Text of a line with its end. */
  line(line: number): string {
    return this.text.getText({ start: { line, character: 0 }, end: { line: line + 1, character: 0 } });
  }

  /** In the order in which the client sent them: each speaks of the text that the one before it left. */
  apply(changes: readonly TextDocumentContentChangeEvent[], version: number): void {
    for (const change of changes) {
      if ('range' in change) this.applyRange(this.rangeFromClient(change.range), change.text, version);
      else this.replaceAll(change.text, version);
    }
  }

  private replaceAll(text: string, version: number): void {
    TextDocument.update(this.text, [{ text }], version);
    this.tree?.delete();
    this.tree = undefined;
    // What was kept of the tree before is not of the one before the next.
    this.trees++;
    this.parsed = false;
  }

  private applyRange(range: Range, text: string, version: number): void {
    const startIndex = this.text.offsetAt(range.start);
    const oldEndIndex = this.text.offsetAt(range.end);
    const startPosition = this.point(startIndex);
    const oldEndPosition = this.point(oldEndIndex);
    TextDocument.update(this.text, [{ range, text }], version);
    const newEndIndex = startIndex + text.length;
    const newEndPosition = this.point(newEndIndex);
    this.tree?.edit(new Edit({ startIndex, oldEndIndex, newEndIndex, startPosition, oldEndPosition, newEndPosition }));
    this.parsed = false;
  }

  private point(offset: number): { row: number; column: number } {
    const { line, character } = this.text.positionAt(offset);
    return { row: line, column: character };
  }

  /** The tree of the text as it is now; edits since the last call are parsed again, the rest is kept. */
  syntax(): Tree {
    if (this.tree !== undefined && this.parsed) return this.tree;
    const next = this.parser.parse(this.content(), this.tree);
    if (next === null) throw new Error('the Go grammar was not loaded before the first document');
    this.tree?.delete();
    this.tree = next;
    this.trees++;
    this.parsed = true;
    return next;
  }

  /**
   * Counts the trees. A tree shares the nodes that no edit touched with the one before it, and with that one only: by
   * then the ids of older ones may be in use again.
   */
  get treeNumber(): number {
    return this.trees;
  }

  /** Offsets count UTF-16 units, as tree-sitter's binding does. */
  spanAt(startIndex: number, endIndex: number): Span {
    return { start: this.text.positionAt(startIndex), end: this.text.positionAt(endIndex) };
  }

  rangeFromClient(range: ClientRange): Range {
    return { start: this.placeFromClient(range.start), end: this.placeFromClient(range.end) };
  }

  placeFromClient(place: Place): Place {
    if (this.units === 'utf-16') return place;
    return { line: place.line, character: columnFromClient(this.line(place.line), place.character, this.units) };
  }

  spanToClient(span: Span): Range {
    return { start: this.placeToClient(span.start), end: this.placeToClient(span.end) };
  }

  private placeToClient(place: Place): Place {
    if (this.units === 'utf-16') return place;
    return { line: place.line, character: columnToClient(this.line(place.line), place.character, this.units) };
  }

  /** Gives the tree's memory back. */
  close(): void {
    this.tree?.delete();
    this.tree = undefined;
    this.parsed = false;
  }
}
