/** `bpf reload`: the agent loads a program once more, for the log that its own program did not ask for. */
import type { BpfLoad, DescribedLoad } from '@probelens/probes';
import { errors } from '../../errors.js';
import type { Request } from '../message.js';
import type { BpfReload, BpfSeen } from '../state/bpf.js';
import type { Turn } from '../turn.js';
import { changeBpf, isSameLoad, lastLoad, numbered } from './calls.js';

const refuse = (turn: Turn, request: Request, message: string): void => turn.refuse(request, errors.console(message));

/** `bpf reload`, `bpf reload 3`. */
export const onReloadCommand = (turn: Turn, request: Request, number: number | undefined): void => {
  const { before } = turn.state.bpf;
  const seen = number === undefined ? lastLoad(turn.state, ({ errno }) => errno !== 0) : numbered(turn.state, number);
  const call = seen?.call.kind === 'load' ? seen.call : undefined;
  const standing = number === undefined && before !== undefined;
  const asked = standing ? before.load : undefined;
  if (asked !== undefined && asked !== 'unreadable' && asked.kind === 'in-c') {
    refuse(turn, request, 'What C code will load is not known before it: continue to the stop after the load.');
    return;
  }
  const at = standing ? before.at : call?.attributes;
  if (at === undefined) {
    refuse(turn, request, 'There is no load to be tried again; "bpf" lists those that were seen.');
    return;
  }
  if (turn.state.target.running || turn.state.target.exited) {
    refuse(
      turn,
      request,
      'The program has gone on, so what it loaded is not in its memory any more: stop at the load.',
    );
    return;
  }
  const ticket = turn.ticket();
  const reload: BpfReload = { ticket, request, number: standing ? undefined : seen?.number };
  changeBpf(turn, { reloads: [...turn.state.bpf.reloads, reload] });
  turn.emit({ kind: 'describe-load', ticket, at, verify: true });
};

const withLog = (seen: BpfSeen, call: BpfLoad, { load, details }: DescribedLoad): BpfSeen => {
  const { log, notes } = load;
  return { ...seen, call: { ...call, notes, ...(log === undefined ? {} : { log }) }, details };
};

/** True when it was the answer to one of ours. */
export const onReloaded = (turn: Turn, ticket: number, described: DescribedLoad | undefined): boolean => {
  const { reloads, seen, before } = turn.state.bpf;
  const reload = reloads.find((each) => each.ticket === ticket);
  if (reload === undefined) return false;
  changeBpf(turn, { reloads: reloads.filter((each) => each !== reload) });
  const { request, number } = reload;
  if (described === undefined) {
    refuse(turn, request, "It could not be loaded again: its attributes are not in the program's memory any more.");
    return true;
  }
  const found = seen.find((each) => each.number === number);
  if (found?.call.kind === 'load') {
    const { call } = found;
    if (!isSameLoad(call, described.load)) {
      refuse(turn, request, "It could not be loaded again: the program's memory has changed since.");
      return true;
    }
    changeBpf(turn, { seen: seen.map((each) => (each === found ? withLog(found, call, described) : each)) });
  } else if (before !== undefined) changeBpf(turn, { before: { ...before, load: described.load } });
  const log = described.load.log?.text.trimEnd();
  const result = [...described.details, ...(log === undefined ? [] : [log])].join('\n');
  turn.answer(request, { result, variablesReference: 0 });
  return true;
};
