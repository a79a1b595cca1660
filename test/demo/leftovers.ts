/**
 * What a session may not leave behind, found by looking at the machine and not by asking our own code: processes, BPF
 * links, changed machine code.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** Added to the environment of every adapter: what it starts inherits the mark. */
export const markName = 'PROBELENS_DEMO_MARK';

const isGone = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EIO'].includes(String(error.code));

/** Text of a file in /proc; undefined when the process went meanwhile or is not ours to read. */
const look = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
};

const entries = (path: string): readonly string[] => {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
};

const processes = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

export interface MarkedProcess {
  readonly pid: number;
  readonly command: readonly string[];
}

const environmentHas = (pid: number, entry: string): boolean =>
  look(`/proc/${pid}/environ`)?.split('\0').includes(entry) ?? false;

/** From /proc/PID/stat: "pid (name) state ppid ...", where the name may contain anything. */
const parentOf = (pid: number): number => Number(/\) \S (\d+) /.exec(look(`/proc/${pid}/stat`) ?? '')?.[1] ?? 0);

/** Processes with this mark in their environment, and what descends from them: sudo clears the environment. */
export const markedProcesses = (mark: string): readonly MarkedProcess[] => {
  const all = processes().filter((pid) => pid !== process.pid);
  const marked = new Set(all.filter((pid) => environmentHas(pid, `${markName}=${mark}`)));
  for (let before = -1; before !== marked.size; ) {
    before = marked.size;
    for (const pid of all) if (marked.has(parentOf(pid))) marked.add(pid);
  }
  return [...marked]
    .map((pid) => ({ pid, command: (look(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1) }))
    .filter(({ command }) => command.length > 0);
};

/** SIGKILL, by way of sudo where the process is root's and we are not. */
export const killProcess = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error;
    execFileSync('sudo', ['-n', 'kill', '-9', String(pid)]);
  }
};

export interface ProbeLink {
  readonly id: string;
  /** File that is probed; undefined on kernels that do not say (before 6.17). */
  readonly path: string | undefined;
}

/** All of /proc/PID/fdinfo/FD, one after the other; root's are read by way of sudo. */
const descriptorInfos = (): string => {
  if (process.getuid?.() !== 0) {
    const command = 'cat /proc/[0-9]*/fdinfo/* 2>/dev/null; true';
    return execFileSync('sudo', ['-n', 'sh', '-c', command], { encoding: 'utf8', maxBuffer: 1 << 28 });
  }
  const infos: string[] = [];
  for (const pid of processes()) {
    for (const fd of entries(`/proc/${pid}/fdinfo`)) infos.push(look(join(`/proc/${pid}/fdinfo`, fd)) ?? '');
  }
  return infos.join('');
};

/**
 * All BPF links of user probes that any process holds. A link that is not pinned lives as long as its file descriptors,
 * and fdinfo names its kind and its file (kernel/bpf/syscall.c, bpf_link_show_fdinfo). Needs root.
 */
export const userProbeLinks = (): readonly ProbeLink[] =>
  descriptorInfos()
    .split(/^(?=pos:)/m)
    .filter((info) => /^link_type:\s+(uprobe_multi|perf)/m.test(info))
    .map((info) => ({
      id: /^link_id:\s+(\d+)$/m.exec(info)?.[1] ?? '',
      path: /^path:\s+(.+)$/m.exec(info)?.[1],
    }));

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

const executableMappings = (pid: number, path: string): readonly Mapping[] =>
  (look(`/proc/${pid}/maps`) ?? '').split('\n').flatMap((line) => {
    const found = /^([0-9a-f]+)-([0-9a-f]+) r-xp ([0-9a-f]+) \S+ \S+\s+(.*)$/.exec(line);
    if (found === null || found[4] !== path) return [];
    const [, start = '', end = '', offset = ''] = found;
    return [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), offset: Number.parseInt(offset, 16) }];
  });

const readRange = (path: string, position: number, length: number): Buffer => {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const count = readSync(file, bytes, done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(file);
  }
};

/** How many bytes of the running program's machine code differ from its file. Throws when it has no code mapped. */
export const changedCodeBytes = (pid: number, path: string): number => {
  const mappings = executableMappings(pid, path);
  if (mappings.length === 0) throw new Error(`process ${pid} does not run ${path}`);
  let changed = 0;
  for (const { start, end, offset } of mappings) {
    const file = readRange(path, offset, end - start);
    const memory = readRange(`/proc/${pid}/mem`, start, file.length);
    for (let i = 0; i < file.length; i++) if (file[i] !== memory[i]) changed++;
  }
  return changed;
};

/** One letter of /proc/PID/stat: R, S, T (stopped), t (traced), Z; undefined when there is no such process. */
export const processState = (pid: number): string | undefined => /\) (\S) /.exec(look(`/proc/${pid}/stat`) ?? '')?.[1];
