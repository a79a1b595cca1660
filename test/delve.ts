import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Where the demo puts Delve, inside the checkout. */
export const cachedDelve = join(root, '.cache/bin/dlv');

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
};

/**
 * Full path of Delve: the checkout's own first (its version is pinned), then PATH, GOBIN, GOPATH/bin, ~/go/bin.
 */
export const findDelve = (): string | undefined => {
  const directories = [
    ...(process.env.PATH ?? '').split(delimiter),
    process.env.GOBIN ?? '',
    ...(process.env.GOPATH ?? '').split(delimiter).map((path) => (path === '' ? '' : join(path, 'bin'))),
    join(homedir(), 'go/bin'),
  ];
  const candidates = [cachedDelve, ...directories.filter((path) => path !== '').map((path) => join(path, 'dlv'))];
  return candidates.find(isExecutable);
};
