/** The scope "eBPF" on the frames of a goroutine that stands before or after a load. */
import { askedText, type BpfLoad, bpfLine, codeLines, type DescribedLoad } from '@probelens/probes';
import { errors } from '../../errors.js';
import { bpfReference } from '../ids.js';
import { type JsonObject, listOf, numberOf, objectOf, type Request, type Response, stringOf } from '../message.js';
import { shownRow } from '../shown-row.js';
import type { Row } from '../state/moments.js';
import type { SessionState } from '../state/state.js';
import type { Turn } from '../turn.js';
import { inCText, type LoadInC } from './c-loads.js';
import { changeBpf, numbered, shownCall, standsBefore } from './calls.js';
import { onReloaded } from './reload.js';
import { disassembled, loadRows } from './rows.js';

const beforeReference = 'bpf:next';
const reference = (number: number): string => `bpf:${number}`;

export const bpfScope: JsonObject = { name: 'eBPF', variablesReference: bpfReference, expensive: false };

export const withBpfScope = (state: SessionState, request: Request, response: Response): Response => {
  const { shown } = state;
  if (shown === undefined || request.command !== 'scopes' || !response.success) return response;
  const frame = numberOf(objectOf(request.arguments).frameId);
  if (frame === undefined || !shown.frames.has(frame)) return response;
  if (!standsBefore(state) && shownCall(state) === undefined) return response;
  const body = objectOf(response.body);
  return { ...response, body: { ...body, scopes: [...listOf(body.scopes), bpfScope] } };
};

const sentenceRow = (value: string): Row => ({ name: 'program', value, type: '', inside: undefined });

/** Undefined: it is being read. */
const shownRows = (state: SessionState): readonly Row[] | undefined => {
  if (standsBefore(state)) {
    const load = state.bpf.before?.load;
    if (load === undefined) return undefined;
    if (load === 'unreadable') return [sentenceRow('its attributes could not be read')];
    if (load.kind === 'in-c') return [sentenceRow(`C code will load it (${load.name}); shown after that`)];
    return loadRows(load, beforeReference, true);
  }
  const seen = shownCall(state);
  return seen?.call.kind === 'load' ? loadRows(seen.call, reference(seen.number), false) : [];
};

/** True when it was ours. */
export const onBpfVariables = (turn: Turn, request: Request): boolean => {
  if (numberOf(objectOf(request.arguments).variablesReference) !== bpfReference) return false;
  const rows = shownRows(turn.state);
  if (rows === undefined) changeBpf(turn, { waiting: [...turn.state.bpf.waiting, request] });
  else turn.answer(request, { variables: rows.map((row) => shownRow(turn, row)) });
  return true;
};

const unreadable = 'An eBPF program is about to be loaded; its attributes could not be read.';

/** What is known of a program before it is loaded, in a line. */
const beforeText = (load: BpfLoad | LoadInC | 'unreadable'): string => {
  if (load === 'unreadable') return unreadable;
  return load.kind === 'in-c' ? inCText(load.name) : `About to load: ${askedText(load)}`;
};

/** What a console shows of a program; the rest is for `disassemble`. */
const mostListed = 40;

const listing = ({ code }: BpfLoad): readonly string[] => {
  const [title = '', ...lines] = codeLines(code);
  const more = lines.length - mostListed;
  return [title, ...lines.slice(0, mostListed), ...(more > 0 ? [`(${more} more; the scope eBPF has them)`] : [])];
};

/** For whoever pressed a key and waited, in clients without a window for it too. */
export const sayAwaited = (turn: Turn): void => {
  const { before } = turn.state.bpf;
  if (before?.awaited !== true || before.load === undefined) return;
  const { load } = before;
  const isKnown = load !== 'unreadable' && load.kind === 'load';
  const lines = [beforeText(load), ...(isKnown ? listing(load) : [])];
  // dap-mode shows no other category.
  turn.say(lines.join('\n    '), 'stdout');
};

export const onLoadDescribed = (turn: Turn, ticket: number, described: DescribedLoad | undefined): void => {
  const { before, waiting } = turn.state.bpf;
  if (onReloaded(turn, ticket, described) || before?.ticket !== ticket) return;
  changeBpf(turn, { before: { ...before, load: described?.load ?? 'unreadable' }, waiting: [] });
  for (const request of waiting) {
    if (request.command === 'disassemble') onBpfDisassemble(turn, request);
    else if (request.command === 'variables') onBpfVariables(turn, request);
    else onShownLoad(turn, request);
  }
};

/** `probelens/shownLoad`: the load that the program stands before or after. Answers `{ line, details, instructions }`. */
export const onShownLoad = (turn: Turn, request: Request): void => {
  const { state } = turn;
  const before = standsBefore(state) ? state.bpf.before : undefined;
  if (before !== undefined && before.load === undefined) {
    changeBpf(turn, { waiting: [...state.bpf.waiting, request] });
    return;
  }
  const seen = before === undefined ? shownCall(state) : undefined;
  const load = seen === undefined ? before?.load : seen.call;
  if (load === 'unreadable' || load?.kind === 'in-c')
    turn.answer(request, { line: beforeText(load), details: [], instructions: [] });
  else if (load?.kind !== 'load') turn.refuse(request, errors.console('The program does not stand at an eBPF load.'));
  else
    turn.answer(request, {
      line: seen === undefined ? beforeText(load) : bpfLine(load),
      details: seen?.details ?? [],
      instructions: load.code.instructions.map(({ slot, text }) => ({ slot, text })),
    });
};

/** The program runs on: what waited for what was before it has its answer. */
export const forgetBefore = (turn: Turn): void => {
  const { before, waiting } = turn.state.bpf;
  if (before === undefined) return;
  changeBpf(turn, { before: undefined, waiting: [] });
  for (const request of waiting) turn.refuse(request, errors.console('The program has gone on.'));
};

const codeAt = (state: SessionState, memory: string): BpfLoad['code'] | 'reading' | undefined => {
  if (memory === beforeReference) {
    const load = state.bpf.before?.load;
    if (load === undefined) return state.bpf.before && 'reading';
    return load === 'unreadable' || load.kind === 'in-c' ? undefined : load.code;
  }
  const call = numbered(state, Number(memory.slice(reference(0).length - 1)))?.call;
  return call?.kind === 'load' ? call.code : undefined;
};

/** True when the place is a program of eBPF. */
export const onBpfDisassemble = (turn: Turn, request: Request): boolean => {
  const args = objectOf(request.arguments);
  const memory = stringOf(args.memoryReference) ?? '';
  if (!memory.startsWith('bpf:')) return false;
  const code = codeAt(turn.state, memory);
  if (code === 'reading') {
    changeBpf(turn, { waiting: [...turn.state.bpf.waiting, request] });
    return true;
  }
  if (code === undefined) {
    turn.refuse(
      request,
      errors.console(`There is no eBPF program ${memory.slice(4)} in this session; "bpf" lists them.`),
    );
    return true;
  }
  const slots = Math.trunc((numberOf(args.offset) ?? 0) / 8);
  const at = code.instructions.findIndex(({ slot }) => slot >= slots);
  const first = (at < 0 ? code.instructions.length : at) + (numberOf(args.instructionOffset) ?? 0);
  turn.answer(request, { instructions: disassembled(code, first, numberOf(args.instructionCount) ?? 0) });
  return true;
};
