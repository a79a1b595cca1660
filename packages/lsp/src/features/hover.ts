/** What a person sees with the cursor on a function's name. */
import { basename } from 'node:path';
import { type Hover, MarkupKind } from 'vscode-languageserver/node';
import type { FunctionDescription } from '../binary/protocol.js';
import type { FileView, FunctionView } from '../file-view.js';
import type { Place } from '../source/positions.js';
import { explain } from './explain.js';
import { counted } from './offers.js';
import { describePlaces } from './places.js';

/** Instantiations shown: a generic function may have hundreds. */
const bodiesShown = 3;

export const functionAt = (view: FileView, { line, character }: Place): FunctionView | undefined =>
  view.functions.find(({ declaration: { nameSpan } }) => {
    const { start, end } = nameSpan;
    return start.line === line && character >= start.character && character <= end.character;
  });

/** Names that neither a shell nor the kernel's probe syntax would read as something else. */
const isPlainPath = (path: string): boolean => /^[\w/.@+-]+$/.test(path);

/** Event names of the kernel are C identifiers, at most 63 bytes (kernel/trace/trace.h, MAX_EVENT_NAME_LEN). */
const eventName = (name: string): string =>
  name
    .replaceAll(/\W+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 48) || 'probe';

/** Commands that do the same without us; none for a path that would need quoting in two languages at once. */
function commands(path: string, symbol: string, { entry, offset }: FunctionDescription): readonly string[] {
  if (!isPlainPath(path)) return [];
  const event = eventName(symbol);
  return [
    '```sh',
    `sudo bpftrace -e 'uprobe:${path}:${entry} { @hits = count(); }'`,
    `sudo sh -c "echo 'p:probelens/${event} ${path}:${offset}' >> /sys/kernel/tracing/uprobe_events"`,
    `sudo perf stat -a -e probelens:${event} sleep 10`,
    '```',
  ];
}

function bodyText(name: string, path: string, description: FunctionDescription): readonly string[] {
  const { entry, offset, size, params, site, refusal, notes } = description;
  const lines = [`\`${name}\` at \`${entry}\`, file offset \`${offset}\`, ${counted(size, 'byte')}`];
  if (site !== undefined) {
    lines.push(
      `Probe site \`${site.address}\` (tier ${site.tier}, about ${counted(site.cost, 'ns', 'ns')} a hit): ${site.reason}`,
    );
  }
  if (refusal !== undefined) lines.push(`Cannot be probed in the kernel: ${refusal}`);
  for (const note of notes) lines.push(`In a log of it: ${note}`);
  if (params.length > 0) {
    lines.push(
      `Arguments at entry: ${params.map((param) => `\`${param.name} ${param.type}\` in \`${param.place}\``).join(', ')}`,
    );
  }
  return [...lines.map((line) => `${line}  `), ...commands(path, name, description)];
}

/** @param describe asks the worker about one body. */
export async function hoverText(
  view: FileView,
  fn: FunctionView,
  describe: (name: string) => Promise<readonly FunctionDescription[]>,
): Promise<string> {
  const { binary } = view;
  const { facts } = fn;
  if (binary.kind !== 'ready' || facts === undefined || facts.symbol === undefined) return explain(view, fn);
  const { path } = binary.summary;
  const parts = [`**${basename(path)}**${view.stale ? ' - older than this file, build it again' : ''}`];
  const names = [...new Set(facts.bodies.map((body) => body.name))];
  for (const name of names.slice(0, bodiesShown)) {
    for (const description of await describe(name)) parts.push(bodyText(name, path, description).join('\n'));
  }
  if (names.length > bodiesShown) parts.push(`and ${names.length - bodiesShown} more instantiations`);
  if (facts.bodies.length === 0) parts.push('No body of its own: every call was inlined.');
  if (facts.copyCount > 0) {
    parts.push(
      `Inlined into ${counted(facts.callerCount, 'caller')}: ${describePlaces(facts.copies, facts.copyCount)}`,
    );
  }
  return parts.join('\n\n');
}

export const hoverOf = (view: FileView, fn: FunctionView, value: string): Hover => ({
  contents: { kind: MarkupKind.Markdown, value },
  range: view.document.spanToClient(fn.declaration.nameSpan),
});
