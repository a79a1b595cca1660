/** Sentences about one function: what the binary has of it, and what to do when that is nothing. */
import { basename } from 'node:path';
import { type FileView, type FunctionView, isAbsent } from '../file-view.js';
import { displayName } from '../source/functions.js';
import { counted } from './offers.js';
import { describePlaces } from './places.js';

/** For a file of which nothing is in the binary. */
export function explainFile(view: FileView): string {
  const file = basename(view.file);
  const program = view.binary.kind === 'ready' ? basename(view.binary.summary.path) : 'the binary';
  const reason = file.endsWith('_test.go')
    ? 'only test binaries contain test files (go test -c)'
    : 'its package is not imported, or build constraints leave the file out';
  return `No function of ${file} is in ${program}: ${reason}.`;
}

export function explain(view: FileView, { declaration, facts }: FunctionView): string {
  const name = displayName(declaration);
  const { binary } = view;
  if (binary.kind === 'none') return `No binary of this module was found, so nothing is known about ${name}: build it.`;
  if (binary.kind === 'failed') return binary.message;
  const program = basename(binary.summary.path);
  if (facts === undefined) return `${name} is never compiled: a blank function has no code.`;
  if (facts.bodies.length === 0 && facts.copyCount === 0) {
    if (isAbsent(view)) return explainFile(view);
    const file = basename(view.file);
    const age = view.stale ? ` ${program} is older than ${file}: build it again first.` : '';
    return `${name} is not in ${program}: nothing calls it, or the compiler folded it into its callers without a trace.${age} Call it from the program, or mark it //go:noinline and build again.`;
  }
  const bodies =
    facts.bodies.length === 0 ? 'has no body of its own' : `has ${counted(facts.bodies.length, 'body', 'bodies')}`;
  const copies =
    facts.copyCount === 0
      ? 'and was inlined nowhere'
      : `and was inlined into ${counted(facts.callerCount, 'caller')}: ${describePlaces(facts.copies, facts.copyCount)}`;
  return `${name} ${bodies} in ${program} ${copies}.`;
}
