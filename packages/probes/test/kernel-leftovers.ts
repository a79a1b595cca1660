/** What of ours the kernel still holds, as bpftool sees it. */
import { readdirSync, readFileSync } from 'node:fs';
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

/** "map 12" -> descriptors as /proc/PID/fdinfo shows them: "map_id:\t12". */
const descriptorLine = (object: string): RegExp => {
  const [kind, id] = object.split(' ');
  return new RegExp(`^${kind}_id:\\s*${id}$`, 'm');
};

const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    // The process or its descriptor went meanwhile.
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
};

const descriptorsOf = (pid: number): readonly string[] => {
  try {
    return readdirSync(`/proc/${pid}/fdinfo`);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
};

/**
 * Another session of probelens on this machine, somebody's debugger: a living process that is neither this one nor an
 * agent of these tests. What nobody holds is never anybody else's.
 */
const isOthers = (object: string): boolean =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => !readOr(`/proc/${pid}/cmdline`).includes('.cache/agent/'))
    .some((pid) =>
      descriptorsOf(pid).some((each) => descriptorLine(object).test(readOr(`/proc/${pid}/fdinfo/${each}`))),
    );

/**
 * Waits until nothing is left. The kernel frees programs and maps some time after their last descriptor is closed (RCU),
 * so this looks again until they are gone; a leak makes it fail after the deadline.
 */
export const kernelIsClean = async (before: ReadonlySet<string>, deadlineMs = 10_000): Promise<readonly string[]> => {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const left = (await kernelObjects(before)).filter((each) => !isOthers(each));
    if (left.length === 0 || Date.now() > end) return left;
  }
};
