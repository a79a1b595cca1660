/** The console's `bpf`, and the requests of editors' keys. */
import { errors } from '../../errors.js';
import { watchFilters } from '../exceptions/watch.js';
import { type JsonObject, numberOf, objectOf, type Request } from '../message.js';
import type { BpfSeen } from '../state/bpf.js';
import type { SessionState } from '../state/state.js';
import type { Turn } from '../turn.js';
import { inCText } from './c-loads.js';
import { changeBpf, lastLoad, numbered } from './calls.js';
import { onReloadCommand } from './reload.js';

/** What fits a console. */
const mostLines = 50;

const nothingSeen =
  'No system call on eBPF has been seen: tick "BPF Program Load", or say "probe bpf:load", before the program makes it.';

const noVerdict = ({ bpf }: SessionState): string => {
  const load = bpf.before?.load;
  if (load !== undefined && load !== 'unreadable' && load.kind === 'in-c') return inCText(load.name);
  if (bpf.before !== undefined)
    return 'The program stands before the load, so there is no verdict yet: continue, or say "bpf reload" to ask the verifier now.';
  return bpf.seen.some(({ call }) => call.kind === 'load') ? 'No verifier log has been seen.' : nothingSeen;
};

const listLine = ({ number, goroutine, call, line }: BpfSeen): string =>
  `[${number}] ${call.kind}  [Go ${goroutine}]  ${line}`;

const list = ({ bpf }: SessionState): string => {
  if (bpf.seen.length === 0) return nothingSeen;
  const lines = bpf.seen.slice(-mostLines).map(listLine);
  const missing = bpf.last - lines.length;
  if (missing > 0) lines.unshift(`(${missing} earlier ones)`);
  return lines.join('\n');
};

const detail = (seen: BpfSeen): string => [listLine(seen), ...seen.details.map((each) => `    ${each}`)].join('\n');

const listing = (seen: BpfSeen): readonly string[] =>
  seen.call.kind === 'load' ? seen.call.code.instructions.map(({ slot, text }) => `    ${slot}: ${text}`) : [];

const logOf = ({ call }: BpfSeen): string | undefined => (call.kind === 'load' ? call.log?.text.trimEnd() : undefined);

/** A refusal that says why, else any log, else a refusal. */
const lastVerdict = (state: SessionState): BpfSeen | undefined =>
  lastLoad(state, ({ log }) => log?.report !== undefined) ??
  lastLoad(state, ({ log }) => log !== undefined) ??
  lastLoad(state, ({ errno }) => errno !== 0);

const wholeLog = (seen: BpfSeen): string => {
  const log = logOf(seen);
  return log === undefined ? `${detail(seen)}\n    There is no log of it.` : `${detail(seen)}\n${log}`;
};

const unknown = (turn: Turn, request: Request, rest: string): void =>
  turn.refuse(request, errors.console(`There is no eBPF call "${rest}"; "bpf" lists them.`));

/** `bpf`, `bpf 3`, `bpf log`, `bpf log 3`, `bpf reload`, `bpf reload 3`. */
export const onBpfCommand = (turn: Turn, request: Request, rest: string): void => {
  const tell = (result: string): void => turn.answer(request, { result, variablesReference: 0 });
  if (rest === '') {
    tell(list(turn.state));
    return;
  }
  const [, word, digits] = /^(log|reload)?\s*(\d+)?$/.exec(rest) ?? [];
  if (word === undefined && digits === undefined) {
    turn.refuse(request, errors.console('Say "bpf", "bpf N", "bpf log [N]" or "bpf reload [N]".'));
    return;
  }
  if (word === 'reload') {
    onReloadCommand(turn, request, digits === undefined ? undefined : Number(digits));
    return;
  }
  const seen = digits === undefined ? lastVerdict(turn.state) : numbered(turn.state, Number(digits));
  if (seen === undefined) {
    if (digits === undefined) turn.refuse(request, errors.console(noVerdict(turn.state)));
    else unknown(turn, request, rest);
  } else tell(word === undefined ? [detail(seen), ...listing(seen)].join('\n') : wholeLog(seen));
};

/**
 * `probelens/verifierSummary`, arguments `{ number? }` (as `bpf` lists them; else the last one that was refused with a
 * log, else the last with a log, else the last refused). Answers `{ number, line, details, report?, log?, cut?, instructions: [{ slot, text }] }`.
 */
export const onVerifierSummary = (turn: Turn, request: Request): void => {
  const number = numberOf(objectOf(request.arguments).number);
  const found = number === undefined ? lastVerdict(turn.state) : numbered(turn.state, number);
  if (found?.call.kind !== 'load') {
    turn.refuse(
      request,
      errors.console(number === undefined ? noVerdict(turn.state) : `There is no eBPF load ${number}.`),
    );
    return;
  }
  const { log, code } = found.call;
  const body: JsonObject = {
    number: found.number,
    line: found.line,
    details: found.details,
    ...(log?.report === undefined ? {} : { report: { ...log.report } }),
    ...(log === undefined ? {} : { log: log.text }),
    ...(log?.cut === undefined ? {} : { cut: log.cut }),
    instructions: code.instructions.map(({ slot, text }) => ({ slot, text })),
  };
  turn.answer(request, body);
};

/** `probelens/pauseAtNextLoad`: the next load stops the program before its system call, once. Answers at once. */
export const onPauseAtNextLoad = (turn: Turn, request: Request): void => {
  const { kernel } = turn.state;
  const { launch } = turn.state;
  if (kernel.state === 'unavailable' || launch === undefined || launch.kernel === 'off') {
    const off =
      launch === undefined
        ? 'there is no program; launch or attach first.'
        : '"kernel" is "off" in the launch arguments.';
    const reason = kernel.reason ?? off;
    turn.refuse(request, errors.console(`The next load cannot be stopped at: ${reason}`));
    return;
  }
  const { before } = turn.state.bpf;
  // What C will load nobody has seen yet, so that is the next one.
  const isSeen = before?.load === undefined || before.load === 'unreadable' || before.load.kind !== 'in-c';
  changeBpf(turn, { pauseAtNext: true, skipAfter: isSeen ? before?.goroutine : undefined });
  watchFilters(turn, wantedFilters(turn.state));
  turn.answer(request, {});
};

/** What the client has ticked, and what is wanted once. */
export const wantedFilters = ({ bpf }: SessionState): readonly string[] =>
  bpf.pauseAtNext && !bpf.ticked.includes('bpf-load') ? [...bpf.ticked, 'bpf-next-load'] : bpf.ticked;

/** The load that was waited for is here. */
export const endPause = (turn: Turn): void => {
  if (!turn.state.bpf.pauseAtNext) return;
  changeBpf(turn, { pauseAtNext: false });
  watchFilters(turn, wantedFilters(turn.state));
};
