/** A diagnostic before it is known where it stands, how severe the settings make it, and who says it. */
import type { Diagnostic } from 'vscode-languageserver';
import type { DiagnosticSettings } from '../settings.js';
import type { Span } from '../source/positions.js';

export type Draft = Pick<Diagnostic, 'message'> & Partial<Diagnostic> & { readonly kind: keyof DiagnosticSettings };

export interface PlacedDraft {
  readonly draft: Draft;
  readonly span: Span;
}
