/** An event of an exception filter (exceptions/show.ts). */
import type { Told } from '../exceptions/filter.js';

export interface Exception {
  readonly told: Told;
  /** Where it happened; undefined: outside the program's goroutines. */
  readonly goroutine: number | undefined;
  /** "pausing": Delve has been asked to stop; "shown": the client looks at it. */
  readonly stage: 'pausing' | 'shown';
}
