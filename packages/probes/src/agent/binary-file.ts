/**
 * The binary as the agent sees it: opened once, and from then on named by its descriptor, so that what was checked is
 * what the kernel is given, whatever happens to the path meanwhile.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type BuildIds, type Machine, openGoBinary } from '@probelens/gosym';
import { codeHash } from '../plan/code-hash.js';
import type { PlannedBinary } from '../plan/plan.js';
import type { FileIdentity } from './live-text.js';

export interface BinaryFile extends FileIdentity {
  /** A path that always leads to this very file. */
  readonly path: string;
  readonly buildIds: BuildIds;
  /** Of one without a build id (plan/code-hash.ts). */
  readonly codeHash: string | undefined;
  readonly machine: Machine;
  /** Bytes of the file; undefined past its end. */
  read(offset: number, length: number): Uint8Array | undefined;
}

/** Whether every build id that the plan has, or the hash in its place, is the file's; a plan without any matches nothing. */
export const isPlannedBuild = (planned: PlannedBinary, found: Pick<BinaryFile, 'buildIds' | 'codeHash'>): boolean => {
  const pairs = [
    [planned.goBuildId, found.buildIds.go],
    [planned.gnuBuildId, found.buildIds.gnu],
    [planned.codeHash, found.codeHash],
  ] as const;
  const known = pairs.filter(([wanted]) => wanted !== undefined && wanted !== '');
  return known.length > 0 && known.every(([wanted, has]) => wanted === has);
};

/** Owner and everybody; a file that only a group may read is refused, which costs its users a `chmod o+r`. */
const mayRead = (file: { readonly uid: bigint; readonly mode: bigint }, user: number): boolean =>
  user === 0 || (file.mode & 0o004n) !== 0n || (file.uid === BigInt(user) && (file.mode & 0o400n) !== 0n);

interface Opened {
  readonly file: BinaryFile;
  readonly descriptor: number;
}

/** Every binary that was asked for, kept open until `close`: a session has one or two. */
export class BinaryFiles {
  readonly #opened = new Map<string, Opened>();

  /**
   * Throws what open(2) and the parser throw. `reader`: the user for whom a root agent opens it; what that user may not
   * read is not looked into, since a parser's complaint quotes the file.
   */
  async open(path: string, reader?: number): Promise<BinaryFile> {
    const descriptor = openSync(path, 'r');
    try {
      const stat = fstatSync(descriptor, { bigint: true });
      if (reader !== undefined && !mayRead(stat, reader)) throw new Error(`user ${reader} may not read it.`);
      const key = `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`;
      const known = this.#opened.get(key);
      if (known !== undefined) {
        closeSync(descriptor);
        return known.file;
      }
      const stable = `/proc/self/fd/${descriptor}`;
      const binary = await openGoBinary(stable);
      const { buildIds, machine } = binary;
      const hash = codeHash(binary);
      binary.close();
      const file: BinaryFile = {
        path: stable,
        device: stat.dev,
        inode: stat.ino,
        buildIds,
        codeHash: hash,
        machine,
        read(offset, length) {
          const bytes = new Uint8Array(length);
          return readSync(descriptor, bytes, 0, length, offset) === length ? bytes : undefined;
        },
      };
      this.#opened.set(key, { file, descriptor });
      return file;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  close(): void {
    for (const { descriptor } of this.#opened.values()) closeSync(descriptor);
    this.#opened.clear();
  }
}
