/** What a person should know about the binary before trusting a breakpoint or a probe. */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type Diagnostic,
  type DiagnosticRelatedInformation,
  DiagnosticSeverity,
  DiagnosticTag,
} from 'vscode-languageserver/node';
import type { InlinedInto } from '../binary/protocol.js';
import { type FileView, type FunctionView, isAbsent } from '../file-view.js';
import type { GoModule } from '../module/go-module.js';
import type { DiagnosticSettings, Severity } from '../settings.js';
import { displayName } from '../source/functions.js';
import type { Draft, PlacedDraft } from './draft.js';
import { explainFile } from './explain.js';
import { counted } from './offers.js';
import { describePlaces, localFile } from './places.js';

const source = 'probelens';

const severityNumbers: Readonly<Record<Exclude<Severity, 'off'>, DiagnosticSeverity>> = {
  hint: DiagnosticSeverity.Hint,
  information: DiagnosticSeverity.Information,
  warning: DiagnosticSeverity.Warning,
  error: DiagnosticSeverity.Error,
};

function related(copies: readonly InlinedInto[], module: GoModule | undefined): DiagnosticRelatedInformation[] {
  return copies.flatMap((copy) => {
    const file = localFile(copy.file, module);
    if (file === undefined || copy.line < 1) return [];
    const place = { line: copy.line - 1, character: 0 };
    return [
      {
        location: { uri: pathToFileURL(file).href, range: { start: place, end: place } },
        message: `inlined into ${copy.caller}`,
      },
    ];
  });
}

function functionDraft(view: FileView, { declaration, facts }: FunctionView): Draft | undefined {
  if (facts === undefined) return undefined;
  const name = displayName(declaration);
  const places = describePlaces(facts.copies, facts.copyCount);
  const relatedInformation = related(facts.copies, view.package.module);
  if (facts.bodies.length === 0 && facts.copyCount > 0) {
    return {
      kind: 'inlinedEverywhere',
      code: 'inlined-everywhere',
      message: `${name} is inlined into ${counted(facts.callerCount, 'caller')} and has no body of its own: ${places}. A probe on it has to go to all copies.`,
      relatedInformation,
    };
  }
  if (facts.copyCount > 0) {
    return {
      kind: 'partlyInlined',
      code: 'partly-inlined',
      message: `Some calls of ${name} are inlined, and a probe on the function does not see them: ${places}.`,
      relatedInformation,
    };
  }
  if (facts.bodies.length === 0 && !isAbsent(view) && declaration.hasBody) {
    return {
      kind: 'notInBinary',
      code: 'not-in-binary',
      message: `${name} is not in the binary: nothing calls it, or the compiler folded it away.`,
      tags: [DiagnosticTag.Unnecessary],
    };
  }
  return undefined;
}

function fileDrafts(view: FileView): Draft[] {
  const { binary } = view;
  if (binary.kind === 'none') {
    return [
      {
        kind: 'noBinary',
        code: 'no-binary',
        message:
          view.package.module === undefined
            ? 'This file is in no module (there is no go.mod at or above it), so its program is not looked for: name it in the setting probelens.binary.'
            : 'No binary of this module was found: build it, or name it in the setting probelens.binary.',
      },
    ];
  }
  if (binary.kind === 'failed') return [{ kind: 'staleBinary', code: 'unreadable-binary', message: binary.message }];
  const { path } = binary.summary;
  if (isAbsent(view) && view.functions.length > 0 && !view.file.endsWith('_test.go')) {
    return [{ kind: 'notInBinary', code: 'file-not-in-binary', message: explainFile(view) }];
  }
  if (view.stale) {
    return [
      {
        kind: 'staleBinary',
        code: 'stale-binary',
        message: `${basename(path)} was built before this file was last written: build it again. Until then functions are matched by name, and lines are not shown.`,
      },
    ];
  }
  return [];
}

/** @param others about probes and sessions, which the view does not know. */
export function diagnosticsOf(
  view: FileView,
  settings: DiagnosticSettings,
  others: readonly PlacedDraft[] = [],
): Diagnostic[] {
  const place = (draft: Draft, span: FileView['source']['packageSpan']): Diagnostic[] => {
    const { kind, ...rest } = draft;
    const severity = settings[kind];
    if (severity === 'off') return [];
    return [{ ...rest, source, severity: severityNumbers[severity], range: view.document.spanToClient(span) }];
  };
  const ofFile = fileDrafts(view).flatMap((draft) => place(draft, view.source.packageSpan));
  const ofFunctions = view.functions.flatMap((fn) => {
    const draft = functionDraft(view, fn);
    return draft === undefined ? [] : place(draft, fn.declaration.nameSpan);
  });
  return [...ofFile, ...ofFunctions, ...others.flatMap(({ draft, span }) => place(draft, span))];
}
