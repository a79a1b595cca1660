/** Programs that know a layer are asked; one that is missing or silent is no error. */
import { execa } from 'execa';
import { isStartable } from '../../editor-check/program.js';

/** Somebody's editor loads all its plugins first. Milliseconds. */
const PATIENCE_MS = 60_000;

export type Answer =
  /** `complaints`: what it wrote to stderr. */
  | { readonly kind: 'said'; readonly text: string; readonly complaints: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: string };

export const ask = async (
  program: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly terminal?: boolean } = {},
): Promise<Answer> => {
  if (!isStartable(program)) return { kind: 'missing' };
  const { stdout, stderr, exitCode, timedOut } = await execa(program, args, {
    reject: false,
    timeout: PATIENCE_MS,
    stdin: options.terminal === true ? 'inherit' : 'ignore',
    env: { ...options.env },
  });
  if (timedOut) return { kind: 'failed', why: `it did not answer in ${PATIENCE_MS / 1000} s` };
  if (exitCode !== 0) return { kind: 'failed', why: stderr.trim().split('\n').at(-1) ?? `exit code ${exitCode}` };
  return { kind: 'said', text: stdout, complaints: stderr };
};
