export type * from './api.js';
export type { FormatErrorCode, FormatErrorDetail } from './errors.js';
export { FormatError, isFormatError } from './errors.js';
export type { ListingOptions, ListingSink } from './listing.js';
export { listFunctions } from './listing.js';
export { openGoBinary } from './open.js';
export type { FileOffset, VirtualAddress } from './units.js';
export { fileOffset, hex, virtualAddress } from './units.js';
