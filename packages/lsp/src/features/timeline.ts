/** What a debug session saw, as text that a person reads in the editor. */
import { basename } from 'node:path';
import type { ControlTimeline, LiveSession } from '@probelens/probes/control';
import { counted } from './offers.js';

/** Lines that a message may have: clients show them in a status line, an echo area or a pop-up. */
const messageLines = 12;

/** First argument of `probelens.showTimeline`: a goroutine's number, `{ goroutine }`, or nothing for all of them. */
export function readGoroutine(
  args: readonly unknown[] | undefined,
): { readonly ok: true; readonly goroutine: number | undefined } | { readonly ok: false } {
  const [given] = args ?? [];
  const value: unknown = typeof given === 'object' && given !== null && 'goroutine' in given ? given.goroutine : given;
  // Clients that ask a person for the argument send what was typed; nothing typed means everything.
  const isNothing = value === undefined || value === null || value === '' || (value === given && isEmpty(given));
  if (isNothing) return { ok: true, goroutine: undefined };
  const goroutine = typeof value === 'string' && /^\d{1,15}$/.test(value.trim()) ? Number(value) : value;
  return typeof goroutine === 'number' && Number.isSafeInteger(goroutine) && goroutine >= 0
    ? { ok: true, goroutine }
    : { ok: false };
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const milliseconds = (nanoseconds: bigint): string => (Number(nanoseconds) / 1e6).toFixed(3);

/** A header and a line for each entry; times count from the first one shown. */
export function timelineText(
  session: Pick<LiveSession, 'binary' | 'debuggee' | 'pid'>,
  { entries, dropped }: ControlTimeline,
  goroutine: number | undefined,
): string {
  const program = session.binary === undefined ? 'the program' : basename(session.binary);
  const whose = goroutine === undefined ? program : `goroutine ${goroutine} of ${program}`;
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) {
    return `Nothing has been seen of ${whose} yet: stops, probe hits and kernel events appear in its timeline.`;
  }
  const start = BigInt(first.time);
  const lost = dropped > 0 ? `; ${counted(dropped, 'older entry', 'older entries')} dropped` : '';
  const rows = entries.map(
    ({ time, goroutine: id, text }) =>
      `${milliseconds(BigInt(time) - start).padStart(12)} ms  [Go ${id}]  ${text.replaceAll(/\s*\n\s*/g, ' ')}`,
  );
  const header = `Timeline of ${whose}: ${counted(entries.length, 'entry', 'entries')} in ${milliseconds(BigInt(last.time) - start)} ms${lost}`;
  return [header, ...rows].join('\n');
}

export const isShort = (text: string): boolean => text.split('\n').length <= messageLines;

/** The header and the latest entries: what fits a message where no document can be shown. */
export function shortened(text: string): string {
  if (isShort(text)) return text;
  const [header = '', ...rows] = text.split('\n');
  const shown = rows.slice(-(messageLines - 2));
  return [header, `(the latest ${shown.length} follow; the command's result has all)`, ...shown].join('\n');
}
