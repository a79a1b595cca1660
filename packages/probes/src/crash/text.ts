/** A report for people: what happened first, then where, then what came before. */
import type { CrashFrame, CrashReport } from './report.js';

const shortName = (file: string): string => file.split('/').at(-1) ?? file;

const frameLine = ({ function: name, file, line }: Pick<CrashFrame, 'function' | 'file' | 'line'>): string =>
  `${name} (${shortName(file)}:${line})`;

const seconds = (nanoseconds: string): string => {
  const padded = nanoseconds.padStart(10, '0');
  return `${padded.slice(0, -9)}.${padded.slice(-9, -3)}`;
};

const title: Readonly<Record<CrashReport['kind'], string>> = {
  panic: 'PANIC',
  'recovered-panic': 'RECOVERED PANIC',
  'fatal-error': 'FATAL ERROR',
  signal: 'SIGNAL',
  killed: 'KILLED',
  'out-of-memory': 'OUT OF MEMORY',
  exit: 'EXIT',
};

const who = ({ pid, tid, goroutine }: CrashReport): string =>
  `process ${pid} thread ${tid}${goroutine === '0' ? '' : ` goroutine ${goroutine}`}`;

/** Recursion is one line. */
const stackLines = (stack: readonly CrashFrame[]): readonly string[] => {
  const texts = stack.map(frameLine);
  return texts.flatMap((text, index) => {
    if (texts[index - 1] === text) return [];
    const after = texts.findIndex((other, at) => at > index && other !== text);
    const times = (after < 0 ? texts.length : after) - index;
    return [`    ${text}${times > 1 ? `, ${times} times` : ''}`];
  });
};

export const formatCrash = (report: CrashReport): string => {
  const { kind, t, goroutine, message, stack, createdBy, exitCode, signal, fault, timeline, notes, omitted } = report;
  const lines = [`${seconds(t)} ${title[kind]} ${who(report)}: ${message}`];
  if (fault !== undefined) lines.push(`  ${fault.name} at address ${fault.address}`);
  lines.push(...stackLines(stack));
  if (createdBy !== undefined) lines.push(`    created by ${frameLine(createdBy)} in goroutine ${createdBy.goroutine}`);
  if (exitCode !== undefined) lines.push(`  exit code ${exitCode}`);
  if (signal !== undefined && kind !== 'signal' && kind !== 'killed') lines.push(`  ended by ${signal.name}`);
  if (omitted !== undefined) lines.push(`  ${omitted} more were recovered before it, too many to be told one by one`);
  if (timeline.length > 0) lines.push('  before:');
  for (const { t: time, goid, text } of timeline)
    lines.push(`    ${seconds(time)} ${goid === '0' || goid === goroutine ? '' : `goroutine ${goid}: `}${text}`);
  for (const note of notes) lines.push(`  ${note}`);
  return lines.join('\n');
};
