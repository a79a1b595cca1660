/**
 * The directory that names the live sessions of one user. Whoever may enter it may add probes, so it is the user's
 * alone: created with mode 0700, and refused when it is anything else.
 */
import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { ControlError, systemErrorCode } from './error.js';

/** sun_path of a Unix socket address is 108 bytes with its final zero (unix(7)); macOS has 104. */
export const longestSocketPath = 103;

/** -1 where the platform has no user ids: nothing to compare then. */
const currentUser = (): number => process.getuid?.() ?? -1;

const ownedByUs = (path: string): boolean => {
  try {
    const stat = statSync(path);
    return stat.isDirectory() && stat.uid === currentUser();
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return false;
  }
};

/**
 * Path only, nothing is created. XDG_RUNTIME_DIR counts when it is absolute and ours (after `sudo` it may be somebody
 * else's); otherwise a directory of our own under the temporary one.
 */
export function controlDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const runtime = environment.XDG_RUNTIME_DIR;
  if (runtime !== undefined && isAbsolute(runtime) && ownedByUs(runtime)) return join(runtime, 'probelens');
  return join(tmpdir(), `probelens-${Math.max(currentUser(), 0)}`);
}

/** Throws ControlError "unsafe-directory" unless `path` is a real directory that only we can enter. */
function demandPrivate(path: string): void {
  const stat = lstatSync(path);
  const refuse = (what: string): never => {
    throw new ControlError('unsafe-directory', `${path} ${what}; remove it, and start again.`);
  };
  if (stat.isSymbolicLink()) refuse('is a symbolic link, and the sessions of a debugger are not kept behind one');
  if (!stat.isDirectory()) refuse('is not a directory');
  if (currentUser() >= 0 && stat.uid !== currentUser()) refuse(`belongs to another user (uid ${stat.uid})`);
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0) refuse(`can be used by others (mode ${mode.toString(8).padStart(4, '0')})`);
}

/** Creates the directory if need be and vouches for it. Throws ControlError. */
export function openDirectory(path: string): string {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'EEXIST') {
      throw new ControlError(
        'no-directory',
        `${path} cannot be created (${code ?? 'unknown error'}); set XDG_RUNTIME_DIR to a directory of yours.`,
        { cause: error },
      );
    }
  }
  demandPrivate(path);
  return path;
}

/** The same without creating: undefined where there is no such directory yet. Throws ControlError. */
export function existingDirectory(path: string): string | undefined {
  try {
    demandPrivate(path);
    return path;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
