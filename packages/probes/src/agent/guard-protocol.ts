/** What the agent tells its guard, one JSON object a line on the guard's stdin. End of input = the agent is gone. */
import { isIdentity, type ProcessIdentity } from './process-state.js';

/** Places of a file that a process has mapped. Numbers of stat(2) as text: they may be of 64 bits. */
export interface ChangedText {
  readonly device: string;
  readonly inode: string;
  /** File offsets. */
  readonly offsets: readonly number[];
}

export type GuardOrder =
  | {
      readonly kind: 'watch';
      readonly target: ProcessIdentity;
      /** Who traces it; its end may leave the target stopped. */
      readonly tracer: ProcessIdentity | undefined;
      /** The agent's probes may stop the target with SIGSTOP. */
      readonly stops: boolean;
      /** File to remove when nothing is left to mend. */
      readonly note: string | undefined;
      /** Where the agent's probes change its code. */
      readonly text: readonly ChangedText[];
    }
  | { readonly kind: 'forget'; readonly pid: number }
  /** Everything is disarmed and continued: nothing is left to guard. */
  | { readonly kind: 'goodbye' };

const isChangedText = (value: unknown): value is ChangedText =>
  typeof value === 'object' &&
  value !== null &&
  'device' in value &&
  'inode' in value &&
  'offsets' in value &&
  [value.device, value.inode].every((number) => typeof number === 'string' && /^\d{1,20}$/.test(number)) &&
  Array.isArray(value.offsets) &&
  value.offsets.every((offset) => Number.isSafeInteger(offset) && offset >= 0);

/** Undefined for a line that is none of ours, for example one cut short by the agent's death. */
export const parseOrder = (line: string): GuardOrder | undefined => {
  let order: unknown;
  try {
    order = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof order !== 'object' || order === null || !('kind' in order)) return undefined;
  if (order.kind === 'goodbye') return { kind: 'goodbye' };
  if (order.kind === 'forget' && 'pid' in order && typeof order.pid === 'number')
    return { kind: 'forget', pid: order.pid };
  if (order.kind !== 'watch' || !('target' in order) || !isIdentity(order.target)) return undefined;
  const tracer = 'tracer' in order && isIdentity(order.tracer) ? order.tracer : undefined;
  const stops = 'stops' in order && order.stops === true;
  const note = 'note' in order && typeof order.note === 'string' ? order.note : undefined;
  const text = 'text' in order && Array.isArray(order.text) ? order.text.filter(isChangedText) : [];
  return { kind: 'watch', target: order.target, tracer, stops, note, text };
};
