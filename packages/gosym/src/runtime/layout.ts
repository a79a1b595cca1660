/** What reading goroutines needs of the runtime: the goid's place in g, and g's place in the thread. */
import type { RuntimeLayout } from '../api.js';
import type { ElfImage } from '../elf/image.js';
import type { ElfSymbols } from '../elf/symbols.js';
import { goidOffset, type ReleaseBounds } from './goid-table.js';
import { threadLocalFromCode, threadLocalFromGot, threadLocalFromSymbol } from './thread-local.js';

export interface RuntimeQuestions {
  readonly image: ElfImage;
  readonly symbols: ElfSymbols;
  readonly releases: ReleaseBounds;
  readonly goidFromDwarf: () => number | undefined;
  /** Code of every function of this name, with its address. */
  readonly codeOf: (name: string) => readonly { readonly address: number; readonly code: Uint8Array }[];
}

export const runtimeLayout = (ask: RuntimeQuestions): RuntimeLayout => {
  const tlsG = threadLocalFromSymbol(ask.image, ask.symbols) ?? threadLocalOfCode(ask);
  const described = ask.goidFromDwarf();
  if (described !== undefined) return { goid: described, tlsG, source: 'dwarf' };
  const goid = goidOffset(ask.releases, ask.image.pointerSize);
  if (goid !== undefined) return { goid, tlsG, source: 'table' };
  return { goid: undefined, tlsG, source: tlsG === undefined ? 'none' : 'code' };
};

const threadLocalOfCode = (ask: RuntimeQuestions): number | undefined => {
  if (ask.image.machine !== 'amd64') return undefined;
  for (const { address, code } of ask.codeOf('runtime.mcall')) {
    const found = threadLocalFromCode(code, address, (place) => threadLocalFromGot(ask.image, place));
    if (found !== undefined) return found;
  }
  return undefined;
};
