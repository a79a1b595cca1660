/** Addresses to source lines and back. */
import type { GoFunction, LineAddress, SourcePosition } from './api.js';
import type { InlineTrees } from './inline/trees.js';
import type { PcRuns } from './pclntab/pc-runs.js';
import type { Pclntab } from './pclntab/pclntab.js';
import { virtualAddress } from './units.js';

export interface LineWalk {
  readonly pclntab: Pclntab;
  readonly trees: InlineTrees;
  readonly nameOf: (offset: number) => string;
}

/** Inline chain `pc` bytes into a function, innermost first; empty in the padding behind its code. */
export const chainAt = (walk: LineWalk, fn: GoFunction, pc: number): SourcePosition[] => {
  const { trees } = walk;
  trees.load(fn.index);
  if (pc >= trees.lines.end) return [];
  return chainOf(walk, fn, trees.files.at(pc), trees.lines.at(pc), trees.indexes.at(pc));
};

const chainOf = (walk: LineWalk, fn: GoFunction, file: number, line: number, record: number): SourcePosition[] => {
  const { pclntab, trees } = walk;
  const records: number[] = [];
  const depth = trees.chain(record, records);
  const positions: SourcePosition[] = [];
  let fileNumber = file;
  let lineNumber = line;
  for (let level = 0; level <= depth; level++) {
    const at = records[level];
    positions.push({
      function: level === depth || at === undefined ? fn.name : walk.nameOf(trees.nameOffset(at)),
      file: pclntab.fileAt(pclntab.fileOffset(fn.index, fileNumber)),
      line: Math.max(0, lineNumber),
    });
    if (level === depth || at === undefined) break;
    fileNumber = trees.callFile(at);
    lineNumber = trees.callLine(at);
  }
  return positions;
};

/** Runs of equal file, line and inline chain, ascending, covering the function's code. */
export const lineRuns = (walk: LineWalk, fn: GoFunction, only?: (file: number, line: number) => boolean) => {
  const { trees } = walk;
  trees.load(fn.index);
  const { files, lines, indexes } = trees;
  const runs: LineAddress[] = [];
  const end = lines.end;
  let before = { file: -2, line: -2, record: -2 };
  let at = { files: 0, lines: 0, indexes: 0 };
  for (let pc = 0; pc < end; ) {
    const now = { file: value(files, at.files), line: value(lines, at.lines), record: value(indexes, at.indexes) };
    const same = now.file === before.file && now.line === before.line && now.record === before.record;
    if (!same && (only === undefined || only(now.file, now.line))) {
      runs.push({
        address: virtualAddress(fn.entry + pc),
        host: fn,
        isStatement: now.line > 0,
        chain: chainOf(walk, fn, now.file, now.line, now.record),
      });
    }
    before = now;
    pc = Math.min(stop(files, at.files, end), stop(lines, at.lines, end), stop(indexes, at.indexes, end));
    at = {
      files: after(files, at.files, pc),
      lines: after(lines, at.lines, pc),
      indexes: after(indexes, at.indexes, pc),
    };
  }
  return runs;
};

const value = (runs: PcRuns, run: number): number => (run < runs.length ? (runs.values[run] ?? -1) : -1);

const stop = (runs: PcRuns, run: number, end: number): number => (run < runs.length ? (runs.ends[run] ?? end) : end);

const after = (runs: PcRuns, run: number, pc: number): number =>
  run < runs.length && (runs.ends[run] ?? 0) <= pc ? run + 1 : run;
