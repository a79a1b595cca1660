/** Where editors look for their configuration. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** XDG Base Directory Specification 0.8: relative paths do not count. */
export function configHome(): string {
  const given = process.env.XDG_CONFIG_HOME;
  return given !== undefined && isAbsolute(given) ? given : join(homedir(), '.config');
}

/** Emacs >= 27 prefers ~/.emacs.d where both exist (lisp/startup.el, startup--xdg-or-homedot). */
export const emacsHome = (): string => {
  const old = join(homedir(), '.emacs.d');
  return existsSync(old) ? old : join(configHome(), 'emacs');
};

/** VS Code and its free builds, on Linux. */
export const codeSettings = (): readonly string[] =>
  ['Code', 'VSCodium', 'Code - OSS', 'Code - Insiders'].map((name) => join(configHome(), name, 'User'));
