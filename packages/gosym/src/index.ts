export type * from './api.js';
export type { FileOffset, VirtualAddress } from './units.js';
export { fileOffset, hex, virtualAddress } from './units.js';
