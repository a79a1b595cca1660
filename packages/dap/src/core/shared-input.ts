/** Inputs that mean the same with Delve and without. */
import { onCompleted } from './console.js';
import { onControl } from './control.js';
import { onCounted } from './events.js';
import type { Input } from './input.js';
import { onPace } from './losses.js';
import { onCallersKnown } from './probe-only/halt.js';
import { onFramesKnown } from './snapshots.js';
import type { Turn } from './turn.js';

const kinds = [
  'client-pace',
  'counted',
  'completed',
  'symbolised',
  'control-add',
  'control-remove',
  'control-list',
  'control-timeline',
] as const satisfies readonly Input['kind'][];

type SharedInput = Extract<Input, { readonly kind: (typeof kinds)[number] }>;

/** All others: each kind of session has its own answer. */
export type OwnInput = Exclude<Input, SharedInput>;

const shared: ReadonlySet<Input['kind']> = new Set(kinds);

export const isShared = (input: Input): input is SharedInput => shared.has(input.kind);

export const takeShared = (turn: Turn, input: SharedInput): void => {
  switch (input.kind) {
    case 'client-pace':
      onPace(turn, input.pace);
      return;
    case 'counted':
      onCounted(turn, input.counters);
      return;
    case 'completed':
      onCompleted(turn, input.ticket, input.names);
      return;
    case 'symbolised':
      onFramesKnown(turn, input.ticket, input.frames);
      onCallersKnown(turn, input.ticket, input.frames);
      return;
    case 'control-add':
    case 'control-remove':
    case 'control-list':
    case 'control-timeline':
      onControl(turn, input);
      return;
  }
};
