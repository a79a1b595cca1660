/**
 * The function listing as bytes, without an object or a string for each function: what `probelens functions` prints.
 */
import type { GoBinary } from './api.js';

export interface ListingOptions {
  /** Only functions whose whole name this pattern finds; no flag g or y. */
  readonly match?: RegExp;
  /** Add the places where each function was inlined. */
  readonly inlined?: boolean;
  /** One JSON object a line; otherwise columns separated by tabs under a header line. */
  readonly json?: boolean;
  /** Compiler-made functions too. */
  readonly generated?: boolean;
}

/** Takes the next bytes of the listing. The buffer is used again after the call returns: copy or write it at once. */
export type ListingSink = (bytes: Uint8Array) => void;

/** Returns the number of functions written. Throws FormatError. */
export const listFunctions = (_binary: GoBinary, _options: ListingOptions, _write: ListingSink): number => 0;
