/** System calls of eBPF for people: one line, and what belongs below it. */
import type { BpfAttachCall, BpfCall, BpfCode, BpfLinkCall, BpfLoad, BpfMapCall, VerifierReport } from './call.js';

const outcome = (call: BpfCall, worked: string): string => (call.errno === 0 ? worked : `refused, ${call.error}`);

const quoted = (name: string): string => (name === '' ? 'without a name' : JSON.stringify(name));

const count = (number: number, one: string): string => `${number} ${one}${number === 1 ? '' : 's'}`;

/** What was asked, without what became of it. */
export const askedText = (load: BpfLoad): string =>
  [
    `${load.type}${load.attachType === undefined ? '' : ` for ${load.attachType}`} ${quoted(load.name)}`,
    count(load.instructions, 'instruction'),
    `license ${load.license === '' ? '(none)' : load.license}`,
    ...(load.flags.length === 0 ? [] : [load.flags.join('|')]),
    load.btf ? `BTF with ${count(load.lines, 'line')}` : 'no BTF',
    load.logLevel === 0 ? 'no log' : `log level ${load.logLevel}`,
  ].join(', ');

const loadedText = ({ loaded, fd }: BpfLoad): string => {
  if (loaded === undefined) return `descriptor ${fd}`;
  const { id, tag, translatedBytes, jitedBytes, mapIds } = loaded;
  return [
    `id ${id}`,
    ...(tag === undefined ? [] : [`tag ${tag}`]),
    ...(translatedBytes === undefined ? [] : [`${translatedBytes} bytes translated`]),
    ...(jitedBytes === undefined ? [] : [`${jitedBytes} bytes of machine code`]),
    ...(mapIds === undefined || mapIds.length === 0 ? [] : [`maps ${mapIds.join(', ')}`]),
  ].join(', ');
};

const mapText = (call: BpfMapCall): string =>
  `${call.type} ${quoted(call.name)}, key ${call.keySize}, value ${call.valueSize}, ${call.maxEntries} entries: ${outcome(call, call.id === undefined ? `descriptor ${call.fd}` : `id ${call.id}`)}`;

const programText = (program: number | undefined): string => (program === undefined ? '' : ` program ${program}`);

const linkText = (call: BpfLinkCall): string => {
  const to = call.target === undefined ? '' : ` to ${call.target}`;
  const kind = call.attachType === undefined ? '' : ` as ${call.attachType}`;
  const made = call.id === undefined ? 'done' : `link ${call.id}${call.type === undefined ? '' : ` (${call.type})`}`;
  return `${call.call}${programText(call.program)}${to}${kind}: ${outcome(call, made)}`;
};

const attachText = (call: BpfAttachCall): string =>
  `${call.call}${programText(call.program)} to ${call.target} as ${call.attachType}: ${outcome(call, 'done')}`;

export const bpfLine = (call: BpfCall): string => {
  switch (call.kind) {
    case 'load':
      return `${askedText(call)}: ${outcome(call, loadedText(call))}`;
    case 'map':
      return mapText(call);
    case 'link':
      return linkText(call);
    case 'attach':
      return attachText(call);
  }
};

const wrapped = (label: string, text: string | undefined): readonly string[] =>
  text === undefined || text === '' ? [] : [`${label}: ${text}`];

const sourceText = ({ source }: VerifierReport): string | undefined => {
  if (source === undefined) return undefined;
  const place = source.file === undefined ? '' : `${source.file}:${source.line} `;
  return `${place}${source.text}`;
};

/** The verifier's verdict: which check, where, what it knew there, how it got there, and the usual cure. */
export const reportLines = (report: VerifierReport): readonly string[] => [
  `check: ${report.kind}, ${report.reason}`,
  ...wrapped(
    'at',
    report.slot === undefined
      ? undefined
      : `instruction ${report.slot}${report.instruction === undefined ? '' : `, ${report.instruction}`}`,
  ),
  ...wrapped('source', sourceText(report)),
  ...wrapped(
    'registers',
    Object.entries(report.registers)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
  ),
  ...wrapped('path', report.way),
  ...wrapped('cure', report.advice),
];

/** The listing of a program, one line each. */
export const codeLines = ({ of, instructions, missing }: BpfCode): readonly string[] => [
  of === 'kernel' ? 'instructions as the kernel keeps them:' : 'instructions as they were given:',
  ...instructions.map(({ slot, opcode, text }) => `${slot}: (${opcode.toString(16).padStart(2, '0')}) ${text}`),
  ...(missing > 0 ? [`(${missing} more)`] : []),
];

export interface BpfDetail {
  /** The whole log and the instructions too. */
  readonly whole: boolean;
}

/** Of the log of a refusal that is not known. */
const lastLines = 8;

/** What belongs below the line. */
export const bpfDetails = (call: BpfCall, { whole }: BpfDetail): readonly string[] => {
  if (call.kind !== 'load') return [];
  const { log, notes, code } = call;
  const lines = [...notes];
  if (log?.report !== undefined) lines.push(...reportLines(log.report));
  // What nobody here has words for says it itself.
  if (log?.report?.kind === 'other' && !whole)
    lines.push("the end of the verifier's log:", ...log.text.trimEnd().split('\n').slice(-lastLines));
  if (log !== undefined && log.cut !== undefined) lines.push(`The log is not whole: ${log.cut}.`);
  if (!whole) return lines;
  lines.push(...codeLines(code));
  if (log !== undefined) lines.push("the verifier's log:", ...log.text.trimEnd().split('\n'));
  return lines;
};
