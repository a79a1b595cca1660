/** What a crash left behind: programs that nobody continues any more. */
import { type JournalEntry, readJournal, removeNote } from '../agent/journal.js';
import { isAlive, isStopped, processStatus, sendSignal } from '../agent/process-state.js';

export interface Leftover {
  readonly pid: number;
  /** "stopped": it stands and nobody debugs it. "note": only a note of ours is left. */
  readonly kind: 'stopped' | 'note';
  readonly entry: JournalEntry;
}

/** Notes of dead agents. A target that somebody debugs now is not ours to judge. */
export const findLeftovers = (entries: readonly JournalEntry[] = readJournal()): readonly Leftover[] =>
  entries.flatMap((entry): Leftover[] => {
    if (isAlive(entry.agent)) return [];
    const { target } = entry;
    if (!isAlive(target)) return [{ pid: target.pid, kind: 'note', entry }];
    if ((processStatus(target.pid)?.tracer ?? 0) !== 0) return [];
    return [{ pid: target.pid, kind: isStopped(target.pid) ? 'stopped' : 'note', entry }];
  });

/** One sentence for each thing that was done. Throws what kill(2) throws for somebody else's process. */
export const mendLeftovers = (found: readonly Leftover[] = findLeftovers()): readonly string[] =>
  found.map(({ pid, kind, entry }) => {
    const continued = kind === 'stopped' && sendSignal(pid, 'SIGCONT');
    const removed = removeNote(entry.path);
    const what = continued ? `Continued process ${pid}, which was left stopped.` : `Process ${pid} needed nothing.`;
    return removed ? what : `${what} The note ${entry.path} is root's to remove.`;
  });
