/** A key passes the layers in this order; each may keep it, or change what arrives. */
import type { Chord } from '../chord.js';

const layerNames = ['kernel', 'desktop', 'terminal', 'tmux', 'editor', 'session'] as const;
export type LayerName = (typeof layerNames)[number];

export interface Claim {
  readonly layer: LayerName;
  /** Who, and for what: "tmux, as its prefix". */
  readonly taker: string;
  /** The session never sees the key. False: ours hides theirs while it is bound. */
  readonly lost: boolean;
  /** What would arrive instead: "nothing", "Ctrl+K", "SIGQUIT". */
  readonly arrives: string;
  /** One clause with what to do; undefined where another key is the only cure. */
  readonly cure: string | undefined;
}

export interface LayerReading {
  readonly layer: LayerName;
  /** What was read: "stty", "~/.tmux.conf". */
  readonly source: string;
  /** absent: there is no such thing here. failed: it is there and did not tell. */
  readonly state: 'read' | 'absent' | 'failed';
  readonly detail: string;
  readonly claim: (chord: Chord) => Claim | undefined;
}

export const absent = (layer: LayerName, source: string, detail: string): LayerReading => ({
  layer,
  source,
  state: 'absent',
  detail,
  claim: () => undefined,
});

export const failed = (layer: LayerName, source: string, detail: string): LayerReading => ({
  ...absent(layer, source, detail),
  state: 'failed',
});
