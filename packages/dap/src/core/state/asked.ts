/** Probes that were asked for by text. */

import type { Request } from '../message.js';
import type { ProbeView } from '../output.js';

/** A probe that was asked for by text. */
export interface Asked extends ProbeView {
  readonly probe: number | undefined;
  /** Hits whose condition was true. */
  readonly matches: number;
  /** Who waits for the answer: a console command or a control client. */
  readonly waiting:
    | { readonly kind: 'console'; readonly request: Request }
    | { readonly kind: 'control'; readonly ticket: number }
    | undefined;
}
