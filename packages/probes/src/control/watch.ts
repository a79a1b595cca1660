/** Tells when sessions come, go or learn more about themselves. */
import { watch } from 'node:fs';
import { controlDirectory, openDirectory } from './directory.js';
import { type LiveSession, liveSessions } from './registry.js';

export interface SessionWatch {
  /** Looks again now: a session that is killed leaves its files unchanged, but its client sees the socket close. */
  look(): Promise<void>;
  close(): void;
}

/**
 * Calls `onSessions` with the live sessions, newest first: once at the start and after every change.
 * Throws ControlError when the directory is not ours alone; later failures go to `onProblem`.
 */
export async function watchSessions(
  onSessions: (sessions: readonly LiveSession[]) => void,
  onProblem: (error: unknown) => void,
  directory: string = controlDirectory(),
): Promise<SessionWatch> {
  openDirectory(directory);
  let looking: Promise<void> | undefined;
  let again = false;
  let open = true;
  const lookOnce = async (): Promise<void> => {
    do {
      again = false;
      const sessions = await liveSessions(directory);
      if (open && !again) onSessions(sessions);
    } while (again && open);
  };
  const look = (): Promise<void> => {
    again = true;
    looking ??= lookOnce().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const watcher = watch(directory, { persistent: false }, (_, name) => {
    if (name === null || name.endsWith('.json')) look().catch(onProblem);
  });
  watcher.on('error', onProblem);
  await look();
  return {
    look,
    close() {
      open = false;
      watcher.close();
    },
  };
}
