/** The binaries of the workspace: found, read in the worker, watched, read again. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { statIfThere } from '../disk.js';
import type { GoModule } from '../module/go-module.js';
import { type Choice, chooseBinaries, type SeenFile } from './choice.js';
import type {
  BinarySummary,
  CallsParams,
  Candidate,
  ClosuresParams,
  DescribeParams,
  FileIdentity,
  FunctionBody,
  FunctionDescription,
  InlinedCall,
  JudgedProbe,
  JudgeParams,
  LookupAnswer,
  LookupParams,
} from './protocol.js';
import { BinaryFailure, BinaryReader, type ReadingProgress } from './reader.js';

export type BinaryState =
  /** Nothing was built yet that could contain the file. */
  | { readonly kind: 'none' }
  | { readonly kind: 'ready'; readonly summary: BinarySummary; readonly origin: Choice['origin'] }
  | { readonly kind: 'failed'; readonly path: string; readonly message: string };

export interface BinarySources {
  /** Absolute path from the configuration. */
  setting(file: string): string | undefined;
  /** Modules of the workspace but for one. */
  otherModules(module: GoModule | undefined): readonly GoModule[];
  /** Binaries of live sessions that concern the file, newest first. */
  sessions(file: string): readonly string[];
  onProgress(progress: ReadingProgress): void;
  /** A binary appeared, changed or vanished: what was shown may be wrong. */
  onChanged(): void;
}

/** Milliseconds without a further event after which a directory is looked at: a linker writes for a while. */
const settling = 200;

const identityOf = (path: string): FileIdentity | undefined => {
  const stat = statIfThere(path);
  return stat === undefined ? undefined : { inode: stat.ino, size: stat.size, modified: stat.mtimeMs };
};

const same = (a: FileIdentity, b: FileIdentity | undefined): boolean =>
  a.inode === b?.inode && a.size === b.size && a.modified === b.modified;

export class Binaries {
  private readonly reader: BinaryReader;
  private readonly read = new Map<string, Promise<BinarySummary>>();
  private readonly identities = new Map<string, FileIdentity>();
  private readonly found = new Map<string, Promise<readonly Candidate[]>>();
  private readonly watchers = new Map<string, FSWatcher>();
  private settlingTimer: NodeJS.Timeout | undefined;

  constructor(private readonly sources: BinarySources) {
    this.reader = new BinaryReader((progress) => sources.onProgress(progress));
  }

  /** Starts the worker before anybody asks: its program takes a while to load. */
  prepare(): void {
    this.reader.prepare();
  }

  /** Programs through which a file may be seen, the best first. */
  async choicesFor(file: string, seen: SeenFile, module: GoModule | undefined): Promise<readonly Choice[]> {
    const setting = this.sources.setting(file);
    if (setting !== undefined) return chooseBinaries(seen, { setting, sessions: [], candidates: [] });
    const own = await this.candidates(module);
    // A library that has no program of its own is seen through those of the modules beside it. A main package outside of
    // any module is no library: what lies in a module was not built from it, though both have a main.main.
    const alone = own.length > 0 || (module === undefined && seen.clause.name === 'main');
    const others = alone
      ? []
      : await Promise.all(this.sources.otherModules(module).map((other) => this.candidates(other)));
    return chooseBinaries(seen, {
      setting,
      sessions: this.sources.sessions(file),
      candidates: [...own, ...others.flat().sort((a, b) => b.modified - a.modified)],
    });
  }

  /** Read and ready, or why not. */
  async stateOf({ path, origin }: Choice): Promise<BinaryState> {
    try {
      return { kind: 'ready', summary: await this.summary(path), origin };
    } catch (error) {
      if (!(error instanceof BinaryFailure)) throw error;
      return { kind: 'failed', path, message: error.message };
    }
  }

  /** Throws BinaryFailure "changed" when the build that is meant is no longer there. */
  lookup(params: LookupParams): Promise<LookupAnswer> {
    return this.reader.lookup(params);
  }

  calls(params: CallsParams): Promise<readonly InlinedCall[]> {
    return this.reader.calls(params);
  }

  closures(params: ClosuresParams): Promise<readonly FunctionBody[]> {
    return this.reader.closures(params);
  }

  describe(params: DescribeParams): Promise<readonly FunctionDescription[]> {
    return this.reader.describe(params);
  }

  judge(params: JudgeParams): Promise<readonly JudgedProbe[]> {
    return this.reader.judge(params);
  }

  /** What lies in the module may have changed: look again at the next question. */
  rescan(): void {
    this.found.clear();
  }

  private async candidates(module: GoModule | undefined): Promise<readonly Candidate[]> {
    if (module === undefined) return [];
    let scan = this.found.get(module.root);
    if (scan === undefined) {
      scan = this.reader.discover({ root: module.root, modulePath: module.path });
      this.found.set(module.root, scan);
      this.watchDirectory(module.root);
    }
    try {
      return await scan;
    } catch (error) {
      this.found.delete(module.root);
      if (!(error instanceof BinaryFailure)) throw error;
      return [];
    }
  }

  private summary(path: string): Promise<BinarySummary> {
    const identity = identityOf(path);
    const known = this.identities.get(path);
    const reading = this.read.get(path);
    if (reading !== undefined && known !== undefined && same(known, identity)) return reading;
    this.watchDirectory(dirname(path));
    if (identity === undefined) {
      this.forget(path);
      return Promise.reject(new BinaryFailure('missing', `${path} does not exist; build it or correct the setting.`));
    }
    const next = this.reader.open(path);
    this.read.set(path, next);
    this.identities.set(path, identity);
    // A file that is no program stays none until it changes; everything else may be better the next time.
    next.catch((error: unknown) => {
      const passing = error instanceof BinaryFailure && (error.code === 'changed' || error.code === 'worker-gone');
      if (passing && this.read.get(path) === next) this.forget(path);
    });
    return next;
  }

  private forget(path: string): void {
    this.read.delete(path);
    this.identities.delete(path);
  }

  private watchDirectory(directory: string): void {
    if (this.watchers.has(directory)) return;
    try {
      const watcher = watch(directory, { persistent: false }, (_, name) => this.onEvent(directory, name));
      watcher.on('error', () => this.unwatch(directory));
      this.watchers.set(directory, watcher);
    } catch (error) {
      // No watches left or the directory is gone: every question looks at the file's identity anyway.
      if (!(error instanceof Error)) throw error;
    }
  }

  private unwatch(directory: string): void {
    this.watchers.get(directory)?.close();
    this.watchers.delete(directory);
  }

  private onEvent(directory: string, name: string | null): void {
    // Sources are the editor's business; it tells.
    if (name !== null && /\.(go|md|json|txt|log|swp)$|~$|^\.#/.test(basename(name))) return;
    if (this.settlingTimer !== undefined) clearTimeout(this.settlingTimer);
    this.settlingTimer = setTimeout(() => {
      this.settlingTimer = undefined;
      if (statIfThere(directory) === undefined) this.unwatch(directory);
      this.rescan();
      this.sources.onChanged();
    }, settling);
    this.settlingTimer.unref();
  }

  async dispose(): Promise<void> {
    if (this.settlingTimer !== undefined) clearTimeout(this.settlingTimer);
    for (const directory of [...this.watchers.keys()]) this.unwatch(directory);
    await this.reader.dispose();
  }
}
