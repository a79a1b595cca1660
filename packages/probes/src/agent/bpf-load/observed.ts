/** A system call that was seen, with what the kernel says of the object that came of it. */
import {
  disassemble,
  errnoName,
  linkInfo,
  programInfo,
  summarizeVerifierLog,
  translatedInstructions,
  type VerifierSummary,
} from '@probelens/bpf';
import type {
  BpfCall,
  BpfCode,
  BpfLinkCall,
  BpfLoad,
  BpfLoaded,
  BpfWhat,
  VerifierLog,
  VerifierReport,
} from '../../bpf-load/call.js';
import { askedAttach, askedLink, askedLoad, askedMap } from './attributes.js';
import { helperNameAt } from './helper-addresses.js';
import { logChunkBytes, logChunks } from './layout.js';
import type { SeenCall } from './records.js';

const slotBytes = 8;

/** Instructions in one event at most: a listing of more is for a file. */
const mostInstructions = 4096;

interface Outcome {
  readonly comm: string;
  readonly errno: number;
  readonly error?: string;
  readonly fd?: number;
}

const outcomeOf = ({ result, comm }: SeenCall, givesDescriptor: boolean): Outcome => {
  if (result < 0) return { comm, errno: -result, error: errnoName(-result) };
  return givesDescriptor ? { comm, errno: 0, fd: result } : { comm, errno: 0 };
};

/** In the kernel's own dump maps are known by id, and helpers by how far they are from a place of its own. */
const kernelWords = (text: string): string =>
  text
    .replace('map[fd:', 'map[id:')
    .replace(/^call unknown#(-?\d+)$/, (whole, distance: string) => helperNameAt(Number(distance)) ?? whole);

export const codeOf = (bytes: Uint8Array, of: BpfCode['of'], slots: number): BpfCode => {
  const shown = bytes.subarray(0, Math.min(bytes.length - (bytes.length % slotBytes), mostInstructions * slotBytes));
  const instructions = disassemble(shown).map(({ slot, opcode, text }) => ({
    slot,
    opcode,
    text: of === 'kernel' ? kernelWords(text) : text,
  }));
  return { of, instructions, missing: Math.max(0, slots - shown.length / slotBytes) };
};

const inOrder = (state: ReadonlyMap<string, string>): Readonly<Record<string, string>> =>
  Object.fromEntries([...state].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));

/**
 * @param code of the refused program: the log names some instructions by their number alone.
 * @param headless the log lost its beginning, and with it where the way began.
 */
export const reportOf = (summary: VerifierSummary, code: BpfCode, headless: boolean): VerifierReport => {
  const { slot, advice, source, way } = summary;
  const instruction = summary.instruction ?? code.instructions.find((each) => each.slot === slot)?.text;
  return {
    message: summary.message,
    kind: summary.kind,
    ...(slot === undefined ? {} : { slot }),
    ...(instruction === undefined ? {} : { instruction }),
    reason: summary.reason,
    ...(advice === undefined ? {} : { advice }),
    registers: inOrder(summary.state),
    ...(source === undefined
      ? {}
      : {
          source: {
            text: source.text,
            ...(source.file === undefined ? {} : { file: source.file }),
            ...(source.line === undefined ? {} : { line: source.line }),
          },
        }),
    ...(way === undefined ? {} : { way: headless ? `(its beginning is lost) ${way}` : way }),
  };
};

const ENOSPC = 28;
const EAGAIN = 11;

const logOf = (seen: SeenCall, logBufferBytes: number, code: BpfCode): VerifierLog | undefined => {
  if (seen.log === '') return undefined;
  const cuts: string[] = [];
  const headless = seen.logSkipped > 0 || seen.logSize > logBufferBytes;
  if (seen.logSkipped > 0)
    cuts.push(`its first ${seen.logSkipped} bytes were left out: events carry ${logChunks * logChunkBytes} at most`);
  if (seen.logSize > logBufferBytes)
    cuts.push(
      `the program gave room for ${logBufferBytes} bytes and the log has ${seen.logSize}, so its beginning is lost`,
    );
  if (seen.result === -ENOSPC && seen.logSize === 0)
    cuts.push(`the program gave room for ${logBufferBytes} bytes, which was too little, so its end is lost`);
  if (seen.logLost) cuts.push('a part of it could not be taken from the program');
  return {
    text: seen.log,
    from: 'caller',
    ...(cuts.length === 0 ? {} : { cut: cuts.join('; ') }),
    ...(seen.result < 0 && seen.result !== -EAGAIN
      ? { report: reportOf(summarizeVerifierLog(seen.log), code, headless) }
      : {}),
  };
};

const loadedOf = (seen: SeenCall, notes: string[]): BpfLoaded | undefined => {
  if (seen.result < 0) return undefined;
  if (seen.object === 0) {
    notes.push("The new program's id could not be read, so the kernel cannot be asked about it.");
    return undefined;
  }
  const info = programInfo(seen.object);
  if (info === undefined) {
    notes.push('The program was gone again before the kernel could be asked about it.');
    return { id: seen.object, tag: seen.tag };
  }
  const { id, tag, translatedBytes, jitedBytes, mapIds, verifiedInstructions } = info;
  return { id, tag, translatedBytes, jitedBytes, mapIds, verifiedInstructions };
};

const loadOf = (seen: SeenCall, view: DataView): BpfLoad => {
  const asked = askedLoad(view, seen.license);
  const notes: string[] = [];
  const loaded = loadedOf(seen, notes);
  const translated = loaded?.translatedBytes === undefined ? undefined : translatedInstructions(loaded.id);
  const useKernels = translated !== undefined && translated.length > 0;
  const code = useKernels
    ? codeOf(translated, 'kernel', translated.length / slotBytes)
    : codeOf(seen.code, 'caller', asked.instructions);
  if (seen.codeLost) notes.push('Some instructions could not be taken along: there was no room for them.');
  const log = logOf(seen, asked.logSize, code);
  if (seen.result === -EAGAIN) notes.push('A signal interrupted the verifier: load it again (EAGAIN).');
  else if (seen.result < 0 && log === undefined) notes.push(noLog(seen, asked.logLevel));
  if (seen.result === -ENOSPC && log !== undefined)
    notes.push('ENOSPC says that the log did not fit, in place of the reason for the refusal, which the log has.');
  return {
    ...asked,
    attributes: { pointer: `0x${seen.pointer.toString(16)}`, size: seen.size },
    ...outcomeOf(seen, true),
    ...(loaded === undefined ? {} : { loaded }),
    code,
    ...(log === undefined ? {} : { log }),
    notes,
  };
};

export const askedForNoLog =
  'The program asked for no log: load it with log level 1; "probelens trace --reload-for-log" and "bpf reload" in a session load it once more for one.';

const noLog = ({ logLost }: SeenCall, level: number): string => {
  if (logLost) return 'There was no room to take the log along: ask the program for it.';
  return level === 0
    ? askedForNoLog
    : 'The kernel wrote no log: it refused before the verifier looked at the program (attributes, license or privileges).';
};

const linkOf = (seen: SeenCall, view: DataView): BpfLinkCall => {
  const gives = seen.object !== 0 && seen.result >= 0;
  const info = gives ? linkInfo(seen.object) : undefined;
  const asked = askedLink(seen, view);
  return {
    ...asked,
    ...outcomeOf(seen, asked.call === 'create' || asked.call === 'raw-tracepoint'),
    ...(gives ? { id: seen.object } : {}),
    ...(info === undefined ? {} : { type: info.type }),
    ...(asked.program === undefined && info !== undefined && info.programId !== 0 ? { program: info.programId } : {}),
  };
};

/** Undefined where the attributes could not be read: nothing is known then but that there was a call. */
export const observedCall = (what: BpfWhat, seen: SeenCall): BpfCall | undefined => {
  const view = seen.attributes;
  if (view === undefined) return undefined;
  switch (what) {
    case 'load':
      return loadOf(seen, view);
    case 'map':
      return {
        ...askedMap(view),
        ...outcomeOf(seen, true),
        ...(seen.result >= 0 && seen.object !== 0 ? { id: seen.object } : {}),
      };
    case 'link':
      return linkOf(seen, view);
    case 'attach':
      return { ...askedAttach(seen, view), ...outcomeOf(seen, false) };
  }
};
