/**
 * A demo that is killed leaves nothing behind: no process, no probe in the kernel, no file. It is killed when one of its
 * sections begins; `npm run soak` tries them all.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { builtCommand } from '../command.js';
import { root } from '../delve.js';
import { requirement, soaking } from '../requirements.js';
import { userProbeLinks } from './leftovers.js';
import { sections } from './sections.js';

const entriesOf = (pid: string): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch (error) {
    // Ended meanwhile, or a zombie.
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
};

const processesOf = (directory: string): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => entriesOf(pid).includes(`XDG_RUNTIME_DIR=${directory}`));

const patienceMs = 90_000;
/** Of the last sections; a quiet machine needs forty seconds for all of them. */
const reachingMs = 600_000;

const eventually = async (what: string, holds: () => boolean, limitMs = patienceMs): Promise<void> => {
  for (const limit = Date.now() + limitMs; !holds(); await wait(20))
    if (Date.now() > limit) throw new Error(`it never came to this: ${what}`);
};

/** Directory of a demo that was killed when this section had begun and something of it ran. */
const killAt = async (heading: string, signal: 'SIGINT' | 'SIGKILL'): Promise<string> => {
  await builtCommand();
  const demo = spawn(process.execPath, [join(root, 'test/demo/bootstrap.mjs'), '--only-demonstrate'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  demo.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  const ended = new Promise<number | null>((resolve) => demo.once('close', resolve));
  const directory = join(root, `.cache/demo/run-${demo.pid}`);
  try {
    await eventually(`the demo reaches "${heading}"`, () => output.includes(`\n${heading}\n`), reachingMs);
    await eventually('a session runs', () => processesOf(directory).length > 0);
  } finally {
    demo.kill(signal);
  }
  expect(await ended).toBe(signal === 'SIGINT' ? 130 : null);
  return directory;
};

const nothingLeft = async (directory: string): Promise<void> => {
  await eventually('no process of the demo is left', () => processesOf(directory).length === 0);
  await eventually('its directory is gone', () => !existsSync(directory));
  await eventually('no probe is left', () => !userProbeLinks().some(({ path }) => path?.startsWith(directory)));
};

/** Sections that run something while they last. */
const moments = [
  sections.cost,
  sections.condition,
  sections.log,
  sections.timeline,
  sections.real,
  sections.concurrency,
  sections.endings,
  sections.source,
  sections.refusals,
];

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('a demo that is killed', () => {
  const tried = soaking ? moments : moments.slice(0, 1);
  for (const heading of tried)
    for (const signal of soaking ? (['SIGKILL', 'SIGINT'] as const) : (['SIGKILL'] as const))
      it(`by ${signal} at "${heading}" leaves nothing behind`, { timeout: reachingMs + 4 * patienceMs }, async () => {
        await nothingLeft(await killAt(heading, signal));
      });
});
