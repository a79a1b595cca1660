import { Tag } from './constants.js';
import { DwarfError } from './dwarf-error.js';
import type { Entry } from './entry.js';
import type { Functions, LocatedFunction } from './functions.js';
import { covers, rangesOf } from './ranges.js';

/** A variable's entry and how many lexical blocks lie around it. */
export interface ScopedEntry {
  readonly entry: Entry;
  readonly depth: number;
}

/** One function of the source at an address: the physical one, or one inlined into it. */
export interface Frame {
  /** The subprogram or inlined subroutine. */
  readonly entry: Entry;
  readonly variables: readonly ScopedEntry[];
}

/** Blocks and inlined calls inside each other. The compiler's own budget keeps real ones under 40. */
const NESTING = 200;

/** The functions at `address`, the physical one first, each with the variables whose blocks cover the address. */
export const framesAt = (functions: Functions, fn: LocatedFunction, address: number): readonly Frame[] => {
  const frames: { entry: Entry; variables: ScopedEntry[] }[] = [];

  const enter = (entry: Entry): void => {
    const frame = { entry, variables: [] };
    frames.push(frame);
    walk(entry, frame.variables, 0);
  };

  const walk = (scope: Entry, variables: ScopedEntry[], depth: number): void => {
    if (depth + frames.length > NESTING)
      throw new DwarfError('.debug_info', scope.offset, `nests scopes more than ${NESTING} deep`);
    for (const child of functions.entries.children(scope)) {
      switch (child.tag) {
        case Tag.formalParameter:
        case Tag.variable:
          variables.push({ entry: child, depth });
          break;
        case Tag.lexicalBlock:
          if (isAround(child)) walk(child, variables, depth + 1);
          break;
        case Tag.inlinedSubroutine:
          if (isAround(child)) enter(child);
          break;
        default:
      }
    }
  };

  const isAround = (entry: Entry): boolean => covers(rangesOf(functions.entries, entry, fn.unit.base), address);

  enter(fn.entry);
  return frames;
};
