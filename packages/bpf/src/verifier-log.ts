import { type PathPiece, pathText, pathTo } from './verifier-path.js';
import { explainRefusal, type RefusalKind } from './verifier-reason.js';

/** What the verifier's log says, for people. */
export interface VerifierSummary {
  /** One or two sentences: at which instruction, why, and what to change where that is known. */
  readonly message: string;
  /** Stable name of the kind of refusal, "other" for one that this package does not know. */
  readonly kind: RefusalKind;
  /** Index of the refused instruction (8-byte slot), undefined if the program as a whole was refused. */
  readonly slot: number | undefined;
  /** The instruction as the verifier printed it. */
  readonly instruction: string | undefined;
  /** The verifier's own words. */
  readonly reason: string;
  /** What to change, where the kind is known. */
  readonly advice: string | undefined;
  /** "R1", "fp-8" -> what the verifier knew of it before the instruction, as far as its log tells. */
  readonly state: ReadonlyMap<string, string>;
  /** The source line of the instruction, where the program was loaded with line information. */
  readonly source: SourceLine | undefined;
  /** How the verifier got there; empty where the log does not list the instructions that it walked (levels 0 and 4). */
  readonly path: readonly PathPiece[];
  /** The path as text: "0-5 (if r0 == 0x0 goto pc+1), then 7-9". */
  readonly way: string | undefined;
  /** The last lines of the log. */
  readonly tail: readonly string[];
}

export interface SourceLine {
  readonly text: string;
  /** Undefined on kernels before 6.8, which print the text alone. */
  readonly file: string | undefined;
  readonly line: number | undefined;
}

const tailLines = 20;
const reasonLines = 3;

/** "7: (79) r1 = *(u64 *)(r0 +16)       ; R0=... R1=..." */
const instructionLine = /^(\d+): \(([0-9a-f]{2})\) (.*)$/;
/** "from 5 to 7: R0=...", "3: R1=ctx() R10=fp0": the whole state; only there does an empty text mean nothing known. */
const stateLine = /^(?:from (\d+) to (\d+)[^:]*|(\d+)):\s*((?:frame\d+: )?(?:R\d+|fp-\d+)(?:_[rwPD]+)?=.*)$/;
/** One register or stack slot in a state, up to its "="; older kernels mark what was read and written with "_rw". */
const stateEntry = /(R\d+|fp-\d+)(?:_[rwPD]+)?=/y;
/** "; x = p->y; @ prog.c:12": printed before the first instruction of each line (verbose_linfo, kernel/bpf/log.c). */
const sourceLine = /^; (.*?)(?: @ (.+):(\d+))?$/;
/** Lines that are neither instruction nor reason: statistics, source positions, backtracking. */
const noise =
  /^(processed \d+ insns|verification time|stack depth|mark_precise|last_idx|regs=|parent |func#\d+ @|;|caller:|callee:|cur state:|old state:|frame\d+: R|R\d+=|$)/;

/** A few reasons have no end of line ("expected prog array map for tail call"). */
const statistics = /(?<=.)processed \d+ insns \(limit \d+\).*$/;

/** Reads the log that BPF_PROG_LOAD writes at log level 1 (kernel/bpf/verifier.c, kernel/bpf/log.c). */
export function summarizeVerifierLog(log: string): VerifierSummary {
  const lines = log.trimEnd().split('\n');
  const at = lines.findLastIndex((line) => instructionLine.test(line));
  const match = at < 0 ? null : instructionLine.exec(lines[at] ?? '');
  const said = lines
    .slice(at + 1)
    .map((line) => line.replace(statistics, ''))
    .filter((line) => !noise.test(line) && !stateLine.test(line));
  const reason = said.slice(0, reasonLines).join('; ') || (lines.at(-1) ?? '');
  // "unreachable insn 2", "jump out of range from insn 0 to 101": found before any instruction was walked.
  const named = /\binsn (\d+)\b/.exec(reason)?.[1];
  const slot = match?.[1] !== undefined ? Number(match[1]) : named === undefined ? undefined : Number(named);
  const instruction = match?.[3] === undefined ? undefined : withoutComment(match[3]);
  const { kind, advice } = explainRefusal(reason, instruction);
  const source = at < 0 ? undefined : sourceBefore(lines, at);
  const path = pathTo(lines, at);
  const place = source?.file === undefined ? '' : ` (${source.file}:${source.line})`;
  const where =
    slot === undefined ? '' : `instruction ${slot}${instruction === undefined ? '' : ` "${instruction}"`}${place}: `;
  return {
    message: `${where}${reason}.${advice === undefined ? '' : ` ${advice}`}`,
    kind,
    slot,
    instruction,
    reason,
    advice,
    state: at < 0 ? new Map() : stateBefore(lines, at),
    source,
    path,
    way: pathText(path),
    tail: lines.slice(-tailLines),
  };
}

/** The nearest one above: the verifier prints a line only when it is another than the last. */
function sourceBefore(lines: readonly string[], at: number): SourceLine | undefined {
  const found = sourceLine.exec(lines.slice(0, at).findLast((line) => line.startsWith('; ')) ?? '');
  if (found === null) return undefined;
  const [, text = '', file, line] = found;
  return { text: text.trim(), file, line: line === undefined ? undefined : Number(line) };
}

const withoutComment = (text: string): string => text.replace(/\s*;.*$/, '').trimEnd();

/** What was known before line `at`: the last whole state on the way there, and what each instruction since changed. */
function stateBefore(lines: readonly string[], at: number): ReadonlyMap<string, string> {
  let start = at - 1;
  while (start > 0 && !stateLine.test(lines[start] ?? '')) start--;
  const state = new Map<string, string>();
  for (const line of lines.slice(Math.max(start, 0), at)) {
    const whole = stateLine.exec(line);
    if (whole !== null) {
      state.clear();
      readState(whole[4] ?? '', state);
      continue;
    }
    const instruction = instructionLine.exec(line);
    if (instruction === null) continue;
    // A call loses r1-r5, which the log does not repeat.
    if (instruction[2] === '85') {
      for (const lost of ['R1', 'R2', 'R3', 'R4', 'R5']) state.delete(lost);
      if (releases.test(instruction[3] ?? '')) dropReferences(state);
    }
    const comment = / {2,}; (.*)$/.exec(line);
    if (comment !== null) readState(comment[1] ?? '', state);
  }
  return state;
}

/** Calls after which a ring-buffer record is no pointer any more; the log does not say so of its copies. */
const releases = /ringbuf_(?:submit|discard)/;

function dropReferences(state: Map<string, string>): void {
  for (const [name, value] of state) if (value.includes('ref_obj_id')) state.delete(name);
}

/** "R1=ctx() R6=scalar(var_off=(0x0; 0xff)) fp-8=????0": entries end at a space outside parentheses. */
function readState(text: string, into: Map<string, string>): void {
  let position = 0;
  while (position < text.length) {
    stateEntry.lastIndex = position;
    const name = stateEntry.exec(text)?.[1];
    if (name === undefined) {
      // Words in between ("frame1:", "refs=2", "cb"): skip.
      const space = text.indexOf(' ', position);
      if (space < 0) return;
      position = space + 1;
      continue;
    }
    const start = stateEntry.lastIndex;
    let depth = 0;
    let end = start;
    for (; end < text.length; end++) {
      const char = text[end];
      if (char === '(') depth++;
      else if (char === ')') depth--;
      else if (char === ' ' && depth === 0) break;
    }
    into.set(name, text.slice(start, end));
    position = end + 1;
  }
}
