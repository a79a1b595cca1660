/** What of ours the kernel still holds, as bpftool sees it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { execa } from 'execa';
import { findProgram } from '../../../test/requirements.js';

interface KernelObject {
  readonly id: number;
  readonly name?: string;
  readonly type?: string;
  readonly prog_id?: number;
}

const listed = async (kind: 'prog' | 'map' | 'link'): Promise<readonly KernelObject[]> => {
  const { stdout } = await execa(findProgram('bpftool') ?? 'bpftool', ['--json', kind, 'list']);
  const objects: unknown = JSON.parse(stdout === '' ? '[]' : stdout);
  return Array.isArray(objects) ? objects : [];
};

/** "prog 12 probelens_gate" for every program, map and link that an agent makes, but for those in `before`. */
export const kernelObjects = async (before: ReadonlySet<string> = new Set()): Promise<readonly string[]> => {
  const programs = (await listed('prog')).filter((each) => each.name?.startsWith('probelens_') ?? false);
  const ids = new Set(programs.map((each) => each.id));
  const maps = (await listed('map')).filter((each) => each.name?.startsWith('probelens_') ?? false);
  const links = (await listed('link')).filter((each) => each.prog_id !== undefined && ids.has(each.prog_id));
  return [
    ...programs.map((each) => `prog ${each.id} ${each.name}`),
    ...maps.map((each) => `map ${each.id} ${each.name}`),
    ...links.map((each) => `link ${each.id} ${each.type}`),
  ].filter((each) => !before.has(each));
};

/** Processes that these tests start have it in their environment; what others run on this machine has not. */
const RUN = 'PROBELENS_TEST_RUN';
process.env[RUN] = `${process.pid}-${process.hrtime.bigint()}`;
const ofThisRun = `${RUN}=${process.env[RUN]}`;

const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    // The process or its descriptor went meanwhile.
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
};

/** Descriptors of programs, maps and links; each is a link to "anon_inode:bpf-map" or the like. */
const bpfDescriptorsOf = (pid: number): readonly string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).filter((each) => /:\[?bpf/.test(readlinkSync(`/proc/${pid}/fd/${each}`)));
  } catch (error) {
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
};

/**
 * "map 12" for all that other living processes hold: another session of probelens, somebody's debugger. What nobody holds
 * is never anybody else's.
 */
const heldByOthers = (): ReadonlySet<string> => {
  const others = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
  const held = new Set<string>();
  for (const pid of others) {
    const descriptors = bpfDescriptorsOf(pid);
    if (descriptors.length === 0 || readOr(`/proc/${pid}/environ`).split('\0').includes(ofThisRun)) continue;
    // proc(5): "map_id:\t12".
    for (const each of descriptors)
      for (const [, kind, id] of readOr(`/proc/${pid}/fdinfo/${each}`).matchAll(/^(prog|map|link)_id:\s*(\d+)$/gm))
        held.add(`${kind} ${id}`);
  }
  return held;
};

/**
 * Waits until nothing is left. The kernel frees programs and maps some time after their last descriptor is closed (RCU),
 * so this looks again until they are gone; a leak makes it fail after the deadline.
 */
export const kernelIsClean = async (before: ReadonlySet<string>, deadlineMs = 30_000): Promise<readonly string[]> => {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const found = await kernelObjects(before);
    const others = found.length === 0 ? new Set<string>() : heldByOthers();
    const left = found.filter((each) => !others.has(each.split(' ').slice(0, 2).join(' ')));
    if (left.length === 0 || Date.now() > end) return left;
  }
};
