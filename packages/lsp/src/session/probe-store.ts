/**
 * What a person probes in a workspace, kept on disk until it is taken back. One JSON file for each workspace, named by
 * a hash of its folder, below XDG_STATE_HOME (XDG Base Directory Specification 0.8).
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { isControlError, openDirectory } from '@probelens/probes/control';
import type { WantedProbe } from './probe-book.js';

/** Raised when older versions could not read the file any more. */
const storeVersion = 1;

/** Bytes: a probe takes some hundred, and a person names each of them. */
const sizeLimit = 1024 * 1024;

interface StoredProbes {
  readonly version: typeof storeVersion;
  /** Absolute path of the workspace's folder: for whoever reads the file, and against a clash of names. */
  readonly root: string;
  readonly probes: readonly WantedProbe[];
}

/** "probelens" below XDG_STATE_HOME, which has to be absolute, else below ~/.local/state. */
export function stateDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const given = environment.XDG_STATE_HOME;
  const base = given !== undefined && isAbsolute(given) ? given : join(homedir(), '.local', 'state');
  return join(base, 'probelens');
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const isWanted = (value: unknown): value is WantedProbe =>
  typeof value === 'object' &&
  value !== null &&
  'text' in value &&
  typeof value.text === 'string' &&
  'symbol' in value &&
  typeof value.symbol === 'string';

type Parsed =
  | { readonly kind: 'probes'; readonly probes: readonly WantedProbe[] }
  | { readonly kind: 'corrupt' | 'newer' };

/** corrupt: nothing that any version would have written. newer: written by a later version. */
export function parseStored(text: string, root: string): Parsed {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'corrupt' };
    throw error;
  }
  if (typeof data !== 'object' || data === null) return { kind: 'corrupt' };
  const stored: Partial<Record<keyof StoredProbes, unknown>> = data;
  if (typeof stored.version === 'number' && stored.version > storeVersion) return { kind: 'newer' };
  const { version, probes } = stored;
  if (version !== storeVersion || stored.root !== root || !Array.isArray(probes) || !probes.every(isWanted))
    return { kind: 'corrupt' };
  return { kind: 'probes', probes: probes.map(({ text, symbol }) => ({ text, symbol })) };
}

export class ProbeStore {
  private readonly path: string;
  private isUsable = true;

  /**
   * @param root absolute path of the workspace's folder.
   * @param onProblem a sentence for the person; what is probed goes on without being remembered.
   */
  constructor(
    private readonly root: string,
    private readonly onProblem: (sentence: string) => void,
    directory: string = stateDirectory(),
  ) {
    const name = createHash('sha256').update(root).digest('hex').slice(0, 32);
    this.path = join(directory, `${name}.json`);
  }

  /** Empty when nothing was kept, or nothing that can be used, which is said. */
  read(): readonly WantedProbe[] {
    const text = this.guarded(() => this.readText());
    if (text === undefined) return [];
    const parsed = parseStored(text, this.root);
    if (parsed.kind === 'probes') return parsed.probes;
    if (parsed.kind === 'newer') {
      this.isUsable = false;
      this.onProblem(
        `${this.path} was written by a newer version of probelens: probes are not remembered until this one is updated.`,
      );
      return [];
    }
    this.setAside();
    return [];
  }

  /**
   * Changes what is kept. It is read again first: another editor in the same workspace may have written since. Of two
   * that write in the same millisecond the later one wins.
   */
  change(next: (probes: readonly WantedProbe[]) => readonly WantedProbe[]): void {
    if (!this.isUsable) return;
    const before = this.read();
    const after = next(before);
    if (!this.isUsable || (before.length === 0 && after.length === 0)) return;
    this.guarded(() => (after.length === 0 ? rmSync(this.path, { force: true }) : this.write(after)));
  }

  private readText(): string | undefined {
    try {
      return statSync(this.path).size > sizeLimit ? '' : readFileSync(this.path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Atomic, and on the disk before it has its name: after a loss of power it is the old file or the new one. */
  private write(probes: readonly WantedProbe[]): void {
    const directory = dirname(this.path);
    mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
    openDirectory(directory);
    const draft = `${this.path}.${randomBytes(4).toString('hex')}.new`;
    const file = openSync(draft, 'wx', 0o600);
    try {
      const stored: StoredProbes = { version: storeVersion, root: this.root, probes };
      writeSync(file, `${JSON.stringify(stored)}\n`);
      fsyncSync(file);
      renameSync(draft, this.path);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
  }

  private setAside(): void {
    const aside = `${this.path}.unreadable-${randomBytes(4).toString('hex')}`;
    this.guarded(() => {
      renameSync(this.path, aside);
      this.onProblem(
        `What was probed in this workspace cannot be read; the file was set aside as ${aside}. Probe the functions again.`,
      );
    });
  }

  /** A disk that is full, read-only or not ours: said once, and nothing is kept any more. */
  private guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined) throw error;
      this.isUsable = false;
      const reason = isControlError(error) ? error.message : `${this.path} cannot be used (${code}).`;
      this.onProblem(`Probes of this workspace are not remembered: ${reason}`);
      return undefined;
    }
  }
}
