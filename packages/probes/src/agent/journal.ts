/**
 * A note on disk for every process that may be left stopped, for as long as it may. Agent and guard take their notes away
 * themselves; what is found after both were killed at once is for `probelens doctor --fix`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { controlDirectory } from '../control/directory.js';
import { isAlive, isIdentity, type ProcessIdentity, processState } from './process-state.js';

export interface JournalEntry {
  readonly path: string;
  readonly agent: ProcessIdentity;
  readonly target: ProcessIdentity;
}

/** Readable by everybody, writable by root: a user's doctor sees what an agent under sudo left. */
const SYSTEM_DIRECTORY = '/run/probelens';

/** Where an agent of this user writes, and where a doctor looks. The first is the one to write to. */
export const journalDirectories = (uid = process.getuid?.() ?? -1): readonly string[] =>
  (uid === 0 ? [SYSTEM_DIRECTORY, controlDirectory()] : [controlDirectory(), SYSTEM_DIRECTORY]).map((directory) =>
    join(directory, 'targets'),
  );

const systemError = (error: unknown): boolean => error instanceof Error && 'code' in error;

/** Path of the note; undefined when it cannot be written, which costs only the doctor's knowledge. */
export const writeNote = (
  target: ProcessIdentity,
  [directory]: readonly string[] = journalDirectories(),
): string | undefined => {
  const agent = processState(process.pid);
  if (directory === undefined || agent === undefined) return undefined;
  const path = join(directory, `${target.pid}-${agent.pid}.json`);
  // Of no use to anybody: both ends are gone.
  for (const old of readJournal([directory])) if (!isAlive(old.agent) && !isAlive(old.target)) removeNote(old.path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const note = { agent: { pid: agent.pid, startTime: agent.startTime }, target };
    writeFileSync(path, JSON.stringify(note), { mode: 0o644 });
    return path;
  } catch (error) {
    if (systemError(error)) return undefined;
    throw error;
  }
};

/** False when the note belongs to somebody else. */
export const removeNote = (path: string): boolean => {
  try {
    rmSync(path, { force: true });
    return true;
  } catch (error) {
    if (systemError(error)) return false;
    throw error;
  }
};

const readNote = (path: string): JournalEntry | undefined => {
  try {
    const note: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof note !== 'object' || note === null || !('agent' in note) || !('target' in note)) return undefined;
    return isIdentity(note.agent) && isIdentity(note.target)
      ? { path, agent: note.agent, target: note.target }
      : undefined;
  } catch (error) {
    // Just removed by its agent, not ours to read, or cut short by a full disk: no knowledge in any case.
    if (systemError(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** Every note that can be read. */
export const readJournal = (directories: readonly string[] = journalDirectories()): readonly JournalEntry[] =>
  directories.flatMap((directory) => {
    try {
      return readdirSync(directory).flatMap((name) => readNote(join(directory, name)) ?? []);
    } catch (error) {
      if (systemError(error)) return [];
      throw error;
    }
  });
