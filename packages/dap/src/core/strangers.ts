/**
 * An int3 that neither Delve nor this session wrote: bpftrace, perf or another debugger is at the same place. Delve would
 * take its byte for the program's own, and write it back when the breakpoint is cleared, long after the other has gone.
 */
import type { StrangerPlace } from './kernel-words.js';
import type { GroupKey, Want } from './state/breakpoints.js';
import type { SessionState } from './state/state.js';
import type { Turn } from './turn.js';
import { delvePlaces, functionsGroup, pathOfGroup } from './wants.js';

const ownOffsets = (state: SessionState): readonly string[] =>
  [...state.gates.values()].flatMap(({ planned }) =>
    planned.plan.sites.flatMap(({ offset, sentinel }) => (sentinel === undefined ? [offset] : [offset, sentinel])),
  );

/** To be called before Delve is sent `fresh`, wants of a group in which it has no breakpoint yet. */
export const lookForStrangers = (turn: Turn, group: GroupKey, fresh: readonly Want[]): void => {
  const { state } = turn;
  // A step that something cut short leaves Delve's own int3s at places that only Delve knows.
  if (state.kernel.state !== 'ready' || state.step !== undefined || state.stepCut || fresh.length === 0) return;
  const path = pathOfGroup(group);
  const lines =
    path === undefined ? [] : fresh.flatMap(({ line }) => (line === undefined ? [] : [{ file: path, line }]));
  const functions = group === functionsGroup ? fresh.map(({ key }) => key) : [];
  const held = delvePlaces(state, '', []);
  turn.emit({ kind: 'inspect-text', places: { lines, functions }, held, own: ownOffsets(state) });
};

export const warnOfStrangers = (turn: Turn, places: readonly StrangerPlace[]): void => {
  for (const { function: fn, file, line } of places) {
    const where = `${file.slice(file.lastIndexOf('/') + 1)}:${line}`;
    turn.sayOnce(
      `Another tool (bpftrace, perf or a second debugger) has a breakpoint instruction in ${fn} at ${where}, where Delve was asked for one: stops there may be missed, and ending that tool while Delve holds its breakpoint damages the program; end the tool first, or choose another line.`,
      'stderr',
    );
  }
};
