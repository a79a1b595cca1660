/**
 * Places where another agent's probes sit. The kernel keeps one breakpoint for all uprobes of a place and takes it out
 * with the last of them (kernel/events/uprobes.c), so that probes which stop nobody may share it. A debugger's breakpoint
 * looks the same in memory and may not be shared: only what a link of the kernel explains, in a process that nobody debugs,
 * is a uprobe for certain.
 */
import { statSync } from 'node:fs';
import { KernelError, type UprobeLink, uprobeLinks } from '@probelens/bpf';
import type { FileIdentity } from './live-text.js';
import { processStatus } from './process-state.js';

const isOf = (file: FileIdentity, { path }: UprobeLink): boolean => {
  try {
    const stat = statSync(path, { bigint: true });
    return stat.dev === file.device && stat.ino === file.inode;
  } catch (error) {
    // Deleted, or of another mount namespace: not known to be this file.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
};

const linksHere = (pid: number, file: FileIdentity): readonly UprobeLink[] => {
  if (processStatus(pid)?.tracer !== 0) return [];
  try {
    return uprobeLinks().filter((link) => (link.pid === 0 || link.pid === pid) && isOf(file, link));
  } catch (error) {
    // Without CAP_SYS_ADMIN the kernel tells nobody of links.
    if (error instanceof KernelError) return [];
    throw error;
  }
};

/** Whether a uprobe sits at this offset of the file, in this process. The kernel is asked once, and only if somebody asks. */
export const sharedSites = (pid: number, file: FileIdentity): ((offset: number) => boolean) => {
  let links: readonly UprobeLink[] | undefined;
  return (offset) => {
    links ??= linksHere(pid, file);
    return links.some(({ offsets }) => offsets.has(offset));
  };
};
