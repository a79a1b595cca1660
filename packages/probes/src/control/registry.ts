/**
 * One JSON file per live session, beside its socket. Whether a session lives is asked of the kernel: a socket whose
 * listener died refuses connections, whatever its process id now means.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { controlDirectory, existingDirectory, openDirectory } from './directory.js';
import { systemErrorCode } from './error.js';
import { controlVersion } from './protocol.js';

/** What a session says of itself. */
export interface SessionAbout {
  /** Absolute path of the debugged binary; undefined until the launch is known. */
  readonly binary: string | undefined;
  /** Absolute path of the folder that the person works in; undefined when the client did not say. */
  readonly workspace: string | undefined;
  /** Process id of the debuggee; undefined until it runs. */
  readonly debuggee?: number | undefined;
}

export interface LiveSession extends SessionAbout {
  readonly version: number;
  /** Name of the session's files without their ending. */
  readonly id: string;
  /** Process id of the adapter. */
  readonly pid: number;
  /** Absolute path of the Unix socket. */
  readonly socket: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** A record is a few hundred bytes: more than this was not written by a session. */
const recordLimit = 65_536;

/** A socket without a record is of a session that is just starting, or of one that died starting: told apart by age. */
const orphanAge = 60_000;

/** A stopped adapter still accepts, because the kernel queues; so this only bounds a strange file system. */
const answerLimit = 2_000;

export const newSessionId = (): string => `${process.pid}-${randomBytes(6).toString('hex')}`;

const recordPath = (directory: string, id: string): string => join(directory, `${id}.json`);

/** Atomic: readers see the old record or the new one. Throws the system's error. */
export function writeRecord(directory: string, session: LiveSession): void {
  const path = recordPath(directory, session.id);
  const draft = `${path}.${randomBytes(4).toString('hex')}.new`;
  try {
    writeFileSync(draft, `${JSON.stringify(session)}\n`, { flag: 'wx', mode: 0o600 });
    renameSync(draft, path);
  } catch (error) {
    // Half of it, where the disk is full.
    rmSync(draft, { force: true });
    throw error;
  }
}

const optionalText = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string';
const optionalPid = (value: unknown): value is number | undefined =>
  value === undefined || (Number.isSafeInteger(value) && Number(value) > 0);

/** Undefined for anything that a session of this version would not have written. */
function parseRecord(text: string, directory: string, id: string): LiveSession | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof data !== 'object' || data === null) return undefined;
  const record: Partial<Record<keyof LiveSession, unknown>> = data;
  const { pid, startedAt, binary, workspace, debuggee } = record;
  // A record may only speak of its own socket, in its own directory.
  const socket = join(directory, `${id}.sock`);
  if (record.version !== controlVersion || record.id !== id || record.socket !== socket) return undefined;
  if (!optionalPid(pid) || pid === undefined || !optionalPid(debuggee)) return undefined;
  if (typeof startedAt !== 'number' || !optionalText(binary) || !optionalText(workspace)) return undefined;
  return { version: controlVersion, id, pid, socket, startedAt, binary, workspace, debuggee };
}

/** Undefined where the file is gone, too large or not a record. */
function readRecord(directory: string, file: string): LiveSession | undefined {
  const path = join(directory, file);
  try {
    if (statSync(path).size > recordLimit) return undefined;
    return parseRecord(readFileSync(path, 'utf8'), directory, basename(file, '.json'));
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

/** Whether something accepts connections there. */
export const answers = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const peer = connect(socket);
    const end = (alive: boolean): void => {
      peer.destroy();
      resolve(alive);
    };
    peer.setTimeout(answerLimit, () => end(false));
    peer.once('connect', () => end(true));
    // A full backlog (EAGAIN) is a listener that is busy, not one that is gone.
    peer.once('error', (error) => end(systemErrorCode(error) === 'EAGAIN'));
  });

/**
 * Sessions that accept connections now, newest first. Throws ControlError "unsafe-directory".
 * @param directory where sessions are registered; the user's own by default.
 */
export async function liveSessions(directory: string = controlDirectory()): Promise<readonly LiveSession[]> {
  if (existingDirectory(directory) === undefined) return [];
  const records = readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .map((file) => readRecord(directory, file))
    .filter((record) => record !== undefined);
  const alive = await Promise.all(records.map((record) => answers(record.socket)));
  return records.filter((_, index) => alive[index]).sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1));
}

export function removeSession(directory: string, id: string): void {
  rmSync(recordPath(directory, id), { force: true });
  rmSync(join(directory, `${id}.sock`), { force: true });
}

const ageOf = (path: string): number => {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return 0;
  }
};

/** Removes what sessions left behind that died without a word. Files that no session wrote are left alone. */
export async function clearStaleSessions(directory: string): Promise<void> {
  openDirectory(directory);
  const files = readdirSync(directory);
  const recorded = new Set(files.filter((file) => file.endsWith('.json')).map((file) => basename(file, '.json')));
  for (const file of files) {
    const path = join(directory, file);
    const id = basename(file, '.sock');
    if (file.endsWith('.json')) {
      const record = readRecord(directory, file);
      if (record !== undefined && !(await answers(record.socket))) removeSession(directory, record.id);
    } else if (file.endsWith('.sock') && !recorded.has(id) && ageOf(path) > orphanAge && !(await answers(path))) {
      rmSync(path, { force: true });
    } else if (file.endsWith('.new') && ageOf(path) > orphanAge) {
      rmSync(path, { force: true });
    }
  }
}
