/** The file with the Go code that is to be traced. */
import { readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { FormatError, type GoBinary, openGoBinary } from '@probelens/gosym';
import { machineHere } from '../agent/machine.js';
import * as failure from './failure.js';

const executableOf = (pid: number): string => {
  try {
    readlinkSync(`/proc/${pid}/exe`);
    return `/proc/${pid}/exe`;
  } catch (error) {
    if (error instanceof Error) throw failure.noProcess(pid);
    throw error;
  }
};

/** Executable mappings of files: proc_pid_maps(5). */
const MAPPED_CODE = /^\S+ \S{2}x\S \S+ \S+ \d+ +(\/.*)$/gm;

const isGo = async (path: string): Promise<boolean> => {
  try {
    (await openGoBinary(path)).close();
    return true;
  } catch (error) {
    // No Go in it, deleted, or in another mount namespace: nothing that could be named.
    if (error instanceof Error) return false;
    throw error;
  }
};

const isLibrary = ({ buildInfo }: GoBinary): boolean =>
  /^(?:c-shared|plugin)$/.test(buildInfo?.settings.get('-buildmode') ?? '');

/** Libraries with Go code that a process has loaded (-buildmode=c-shared). */
const goLibrariesOf = async (pid: number): Promise<readonly string[]> => {
  const maps = readFileSync(`/proc/${pid}/maps`, 'latin1');
  const paths = new Set([...maps.matchAll(MAPPED_CODE)].flatMap(([, path]) => path ?? []));
  const found: string[] = [];
  for (const path of paths) if (await isGo(path)) found.push(path);
  return found;
};

/** Throws an `AgentFailure` or what the binary's reader throws. */
export const openTraced = async (
  target: { readonly kind: 'running'; readonly pid: number } | { readonly kind: 'program'; readonly path: string },
  library: string | undefined,
): Promise<GoBinary> => {
  if (library !== undefined) return await openGoBinary(resolve(library));
  const path = target.kind === 'program' ? resolve(target.path) : executableOf(target.pid);
  try {
    const binary = await openGoBinary(path);
    if (binary.machine !== machineHere()) {
      binary.close();
      throw failure.otherMachine(path, binary.machine, machineHere());
    }
    if (target.kind === 'running' || !isLibrary(binary)) return binary;
    binary.close();
    throw failure.isLibrary(target.path);
  } catch (error) {
    if (!(error instanceof FormatError) || (error.code !== 'no-pclntab' && error.code !== 'not-go')) throw error;
    if (target.kind === 'program') throw failure.noGoCode(error.message);
    const libraries = await goLibrariesOf(target.pid);
    throw libraries.length === 0 ? failure.noGoCode(error.message) : failure.codeInLibrary(target.pid, libraries);
  }
};
