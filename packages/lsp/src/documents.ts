/** The open Go files. */
import type {
  DidChangeTextDocumentParams,
  DidCloseTextDocumentParams,
  DidOpenTextDocumentParams,
} from 'vscode-languageserver/node';
import type { Parser } from 'web-tree-sitter';
import { GoDocument } from './source/go-document.js';
import type { PositionUnits } from './source/positions.js';

export class Documents {
  private readonly open = new Map<string, GoDocument>();

  constructor(
    private readonly parser: Parser,
    private readonly units: PositionUnits,
  ) {}

  get(uri: string): GoDocument | undefined {
    return this.open.get(uri);
  }

  all(): readonly GoDocument[] {
    return [...this.open.values()];
  }

  /** Other languages are passed over, should a client send them. */
  didOpen({ textDocument: { uri, languageId, version, text } }: DidOpenTextDocumentParams): GoDocument | undefined {
    if (languageId !== 'go' && !uri.endsWith('.go')) return undefined;
    this.open.get(uri)?.close();
    const document = new GoDocument(uri, version, text, this.parser, this.units);
    this.open.set(uri, document);
    return document;
  }

  didChange({ textDocument, contentChanges }: DidChangeTextDocumentParams): GoDocument | undefined {
    const document = this.open.get(textDocument.uri);
    document?.apply(contentChanges, textDocument.version);
    return document;
  }

  didClose({ textDocument: { uri } }: DidCloseTextDocumentParams): void {
    this.open.get(uri)?.close();
    this.open.delete(uri);
  }
}
