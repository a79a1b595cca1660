/** The way that the verifier took to the instruction that it refused, read from its log at level 1. */

/** "7: (79) r1 = ...": one walked instruction. */
const walked = /^(\d+): \(([0-9a-f]{2})\) (.*)$/;
/** "from 5 to 7: R0=...": back at a branch, for its other side. */
const resumed = /^from (\d+) to (\d+)\b/;

/** A run of instructions one after the other, and how it was left. */
export interface PathPiece {
  /** Slots, both included. */
  readonly from: number;
  readonly to: number;
  /** The jump or call at its end, as the verifier printed it; undefined for the last piece. */
  readonly by: string | undefined;
}

/** What may follow an instruction on its line: "; R0=1", or the state at the jump's target, " 4: R0=0 R10=fp0". */
const remark = /\s*(?:;|\s\d+: (?:frame\d+: )?(?:R\d|fp-)).*$/;

interface Visit {
  readonly slot: number;
  readonly text: string;
  readonly wide: boolean;
  /** Its other side has been taken up: the next time the log comes back here it means an earlier visit. */
  resumed: boolean;
}

/** BPF_LD | BPF_IMM | BPF_DW takes two slots. */
const wideOpcode = '18';

/**
 * The verifier goes depth first and keeps what it has put off on a stack, so "from A to B" means the last visit of A on
 * the present path whose other side is still open: everything behind it is given up.
 */
function comeBack(path: Visit[], from: number): void {
  const at = path.findLastIndex((visit) => visit.slot === from && !visit.resumed);
  if (at < 0) return;
  path.splice(at + 1);
  const visit = path[at];
  if (visit !== undefined) visit.resumed = true;
}

/**
 * The pieces of the path to line `last` of the log, from the program's start. Incomplete where the log lost its
 * beginning: it then starts where the log does.
 */
export function pathTo(lines: readonly string[], last: number): readonly PathPiece[] {
  const path: Visit[] = [];
  for (const line of lines.slice(0, last + 1)) {
    const back = resumed.exec(line);
    if (back?.[1] !== undefined) comeBack(path, Number(back[1]));
    const [, slot, opcode, text] = walked.exec(line) ?? [];
    if (slot === undefined) continue;
    const words = (text ?? '').replace(remark, '').trimEnd();
    path.push({ slot: Number(slot), text: words, wide: opcode === wideOpcode, resumed: false });
  }
  return pieces(path);
}

function pieces(path: readonly Visit[]): readonly PathPiece[] {
  const found: PathPiece[] = [];
  let start = path[0];
  path.forEach((visit, index) => {
    const next = path[index + 1];
    if (start === undefined || (next !== undefined && next.slot === visit.slot + (visit.wide ? 2 : 1))) return;
    found.push({ from: start.slot, to: visit.slot, by: next === undefined ? undefined : visit.text });
    start = next;
  });
  return found;
}

/** Longer paths are told by their last pieces. */
const mostPieces = 12;

const pieceText = ({ from, to, by }: PathPiece): string => {
  const slots = from === to ? `${from}` : `${from}-${to}`;
  return by === undefined ? slots : `${slots} (${by})`;
};

/** "0-5 (if r0 == 0x0 goto pc+1), 7-9"; undefined for an empty path. */
export function pathText(path: readonly PathPiece[]): string | undefined {
  if (path.length === 0) return undefined;
  const shown = path.slice(-mostPieces).map(pieceText).join(', then ');
  return path.length > mostPieces ? `(${path.length - mostPieces} earlier pieces) ${shown}` : shown;
}
