/** What one process holds in the kernel, and whether the kernel still has it afterwards, as bpftool sees it. */
import { readdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { processState } from '../../packages/probes/src/agent/process-state.js';
import { findProgram } from '../requirements.js';

type Kind = 'prog' | 'map' | 'link';

export interface KernelObject {
  readonly kind: Kind;
  readonly id: number;
}

/** proc(5), /proc/PID/fdinfo: descriptors of BPF objects say their ids, which bpftool uses too. */
const FIELDS: Readonly<Record<Kind, RegExp>> = {
  prog: /^prog_id:\s*(\d+)$/m,
  map: /^map_id:\s*(\d+)$/m,
  link: /^link_id:\s*(\d+)$/m,
};

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    // Closed since the directory was read.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
};

/** Programs, maps and links that the process has descriptors of. */
export const objectsOf = (pid: number): readonly KernelObject[] =>
  readdirSync(`/proc/${pid}/fdinfo`).flatMap((descriptor) => {
    const text = textOf(`/proc/${pid}/fdinfo/${descriptor}`);
    // A link's entry names its program as well.
    for (const kind of ['link', 'map', 'prog'] as const) {
      const id = FIELDS[kind].exec(text)?.[1];
      if (id !== undefined) return [{ kind, id: Number(id) }];
    }
    return [];
  });

const listed = async (kind: Kind): Promise<ReadonlySet<number>> => {
  const { stdout } = await execa(findProgram('bpftool') ?? 'bpftool', ['--json', kind, 'list']);
  const objects: readonly { readonly id: number }[] = JSON.parse(stdout === '' ? '[]' : stdout);
  return new Set(objects.map(({ id }) => id));
};

/** Those of `objects` that bpftool lists. */
export const stillThere = async (objects: readonly KernelObject[]): Promise<readonly KernelObject[]> => {
  const ids = { prog: await listed('prog'), map: await listed('map'), link: await listed('link') };
  return objects.filter(({ kind, id }) => ids[kind].has(id));
};

/**
 * What is left when the kernel has had time: it frees objects some time after their last descriptor is closed (RCU).
 * Empty as soon as nothing is; a leak shows after the deadline.
 */
export const leftOver = async (
  objects: readonly KernelObject[],
  deadlineMs = 30_000,
): Promise<readonly KernelObject[]> => {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const left = await stillThere(objects);
    if (left.length === 0 || Date.now() > end) return left;
  }
};

export const childrenOf = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((each) => each > 0 && processState(each)?.parent === pid);

/** The processes below `pid` whose command line has a word. */
export const childNamed = (pid: number, word: string): number | undefined =>
  childrenOf(pid).find((child) => textOf(`/proc/${child}/cmdline`).split('\0').includes(word));
