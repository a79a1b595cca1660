/**
 * How a release writes inline trees: which pcdata and funcdata slots hold them and what a record looks like.
 * Sources: runtime/symtab.go (inlinedCall), runtime/funcdata.h, cmd/link/internal/ld/pcln.go of Go 1.9 to 1.27.
 */
import type { TableHeader } from '../pclntab/header.js';

export interface InlineLayout {
  /** PCDATA_InlTreeIndex. */
  readonly pcData: number;
  /** FUNCDATA_InlTree. */
  readonly funcData: number;
  readonly recordSize: 16 | 20;
  /** Offset of the inlined function's name in a record. */
  readonly nameField: 4 | 12;
  /**
   * 'wide': {parent i32, file, line, func}, Go 1.9-1.11. 'short': {parent i16, funcID u8, pad, file @4, line @8, func @12,
   * parentPc @16}, 1.12-1.19. 'pc': {funcID u8, pad 3, func @4, parentPc @8, callee's first line @12}, since 1.20, where
   * position and parent of the call are those of the instruction at parentPc.
   */
  readonly records: 'wide' | 'short' | 'pc';
}

const LAYOUT_9: InlineLayout = { pcData: 1, funcData: 2, recordSize: 16, nameField: 12, records: 'wide' };
const LAYOUT_12: InlineLayout = { pcData: 1, funcData: 2, recordSize: 20, nameField: 12, records: 'short' };
const LAYOUT_13: InlineLayout = { pcData: 2, funcData: 4, recordSize: 20, nameField: 12, records: 'short' };
const LAYOUT_16: InlineLayout = { pcData: 2, funcData: 3, recordSize: 20, nameField: 12, records: 'short' };
const LAYOUT_20: InlineLayout = { pcData: 2, funcData: 3, recordSize: 16, nameField: 4, records: 'pc' };

/** `minor` is N of Go 1.N; undefined where the program does not say, which matters before 1.16 only. */
export const inlineLayout = (header: TableHeader, minor: number | undefined): InlineLayout | undefined => {
  if (header.format === 20) return LAYOUT_20;
  if (header.format !== 2) return LAYOUT_16;
  if (minor === undefined || minor < 9) return undefined;
  return minor >= 13 ? LAYOUT_13 : minor === 12 ? LAYOUT_12 : LAYOUT_9;
};
