/**
 * What a function's record says of how it was made: its FuncID and, since Go 1.17, its flags (src/internal/abi/symtab.go;
 * up to 1.20 src/cmd/internal/objabi/funcid.go). The numbers of FuncIDs change between releases.
 */
import type { Pclntab } from './pclntab.js';

export interface FunctionMarks {
  /** Undefined where the release is unknown or its tables do not say. */
  readonly wrapper: boolean | undefined;
  readonly assembly: boolean | undefined;
}

/** FuncIDWrapper from each release on, newest first; nothing before Go 1.12 has a FuncID. */
const WRAPPER_IDS: readonly (readonly [minor: number, id: number])[] = [
  [25, 23],
  [22, 22],
  [18, 21],
  [14, 22],
  [12, 20],
];
/** Later releases may number them anew. */
const LAST_KNOWN_RELEASE = 27;

const FLAG_ASSEMBLY = 4;
/** Go 1.17 has the field, but marks no assembly in it. */
const FIRST_WITH_ASSEMBLY = 18;

/** `minor` is N of Go 1.N. */
export const marksOf = (pclntab: Pclntab, index: number, minor: number | undefined): FunctionMarks => {
  if (minor === undefined || minor > LAST_KNOWN_RELEASE) return { wrapper: undefined, assembly: undefined };
  const wrapper = WRAPPER_IDS.find(([since]) => minor >= since)?.[1];
  return {
    wrapper: wrapper === undefined ? undefined : pclntab.functionId(index) === wrapper,
    assembly: minor < FIRST_WITH_ASSEMBLY ? undefined : (pclntab.flags(index) & FLAG_ASSEMBLY) !== 0,
  };
};
