/**
 * Whether a plan may be armed: whose process it is, whether that process runs the planned build, and whether the code
 * there is what the planner saw. Everything is read again here; nothing in a request is believed.
 */
import { statSync } from 'node:fs';
import type { PlannedSite, ProbePlan } from '../plan/plan.js';
import { type BinaryFile, type BinaryFiles, isPlannedBuild } from './binary-file.js';
import { type LiveText, openLiveText } from './live-text.js';
import { type ProcessIdentity, processState, processStatus, programCounters } from './process-state.js';
import type { AgentTarget } from './protocol.js';
import * as refusal from './refusal.js';
import { sharedSites } from './shared-sites.js';

export interface Admitted {
  readonly target: ProcessIdentity;
  readonly tracer: ProcessIdentity | undefined;
  readonly file: BinaryFile;
}

/**
 * Who is really asking: sudo and pkexec say for whom they work. Root stands for itself.
 */
export const askingUser = (env: NodeJS.ProcessEnv = process.env, uid = process.getuid?.() ?? -1): number => {
  const behind = env.SUDO_UID ?? env.PKEXEC_UID;
  return uid === 0 && behind !== undefined && /^\d+$/.test(behind) ? Number(behind) : uid;
};

const checkOwner = (pid: number, asking: number): void => {
  const status = processStatus(pid);
  if (status === undefined) throw refusal.noSuchProcess(pid);
  if (asking === 0) return;
  const stranger = status.uids.find((uid) => uid !== asking);
  if (stranger !== undefined || status.uids.length === 0) throw refusal.notYourProcess(pid, asking, stranger ?? 0);
};

/** Whether this process may be looked at at all. Throws `Refused`. */
export const admitProcess = (pid: number, asking: number): ProcessIdentity => {
  const state = processState(pid);
  if (state === undefined) throw refusal.noSuchProcess(pid);
  checkOwner(pid, asking);
  return { pid, startTime: state.startTime };
};

/** Whether the named tracer is the one; undefined where none is named. Throws `Refused`. */
export const identifyTracer = (target: AgentTarget, asking: number): ProcessIdentity | undefined => {
  if (target.tracer === undefined) return undefined;
  const tracer = admitProcess(target.tracer, asking);
  // TracerPid is the thread that traces (Delve keeps one for it); what is asked for is its process.
  const thread = processStatus(target.pid)?.tracer ?? 0;
  const actual = thread === 0 ? 0 : (processStatus(thread)?.threadGroup ?? 0);
  if (actual !== target.tracer) throw refusal.notTheTracer(target.pid, target.tracer, actual);
  return tracer;
};

/** Whether the process has the file as its program, or mapped as a library. Throws `Refused` where nobody may look. */
const runs = (pid: number, file: BinaryFile): boolean => {
  try {
    const stat = statSync(`/proc/${pid}/exe`, { bigint: true });
    if (stat.dev === file.device && stat.ino === file.inode) return true;
    const text = openLiveText(pid, file);
    text.close();
    return text.mapped;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM'))
      throw refusal.hiddenProcess(pid);
    throw error;
  }
};

/** The file whose code the process runs: its executable, or the planned file when it has that mapped as a library. */
const runningFile = async (target: AgentTarget, plan: ProbePlan, options: AdmissionOptions): Promise<BinaryFile> => {
  const { files, asking } = options;
  const { binary } = plan;
  if (target.starting !== true) {
    // Also right for a deleted or replaced binary and for one in another mount namespace, where the path lies.
    const executable = await tryOpen(files, `/proc/${target.pid}/exe`);
    if (!(executable instanceof Error) && isPlannedBuild(binary, executable)) return executable;
  }
  const file = await tryOpen(files, binary.path, asking);
  if (file instanceof Error) throw refusal.unreadableBinary(binary.path, file.message);
  if (!isPlannedBuild(binary, file)) throw refusal.wrongBuildId(binary.path);
  if (target.starting === true || runs(target.pid, file)) return file;
  throw refusal.wrongBinary(target.pid, binary.path);
};

/** The error for what is no Go binary or cannot be opened: there may be another file to look at. */
const tryOpen = async (files: BinaryFiles, path: string, reader?: number): Promise<BinaryFile | Error> => {
  try {
    return await files.open(path, reader);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
};

export const hexBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const checkFileBytes = (plan: ProbePlan, site: PlannedSite, file: BinaryFile): void => {
  const offset = Number(site.offset);
  const length = site.instruction.length / 2;
  const found = file.read(offset, length);
  const shown = found === undefined ? 'nothing' : hexBytes(found);
  if (shown !== site.instruction.toLowerCase())
    throw refusal.changedFile(plan.binary.path, site.offset, site.instruction, shown);
  if (site.sentinel !== undefined && Number(site.sentinel) !== offset + length - 1)
    throw refusal.badPlan(`the sentinel ${site.sentinel} is not the last byte of the instruction at ${site.offset}`);
};

/** int3: what every debugger of x86 and the kernel's uprobes write. */
const BREAKPOINT = 0xcc;

/**
 * `ours` says which file offsets this agent has already changed, `shared` where other agents' probes sit. A stop also looks at the byte behind its instruction:
 * with a breakpoint there Delve takes the stop for its own.
 */
const checkLiveBytes = (
  site: PlannedSite,
  file: BinaryFile,
  text: LiveText,
  ours: (offset: number) => boolean,
  shared: (offset: number) => boolean,
): void => {
  const offset = Number(site.offset);
  const length = site.instruction.length / 2 + (site.use === 'stop' ? 1 : 0);
  const wanted = file.read(offset, length);
  const found = text.read(offset, length);
  // Not mapped (a library that is still to be loaded): nothing can have been written there.
  if (wanted === undefined || found === undefined) return;
  for (let at = 0; at < length; at++) {
    if (found[at] === wanted[at] || ours(offset + at)) continue;
    if (found[at] === BREAKPOINT && shared(offset + at)) continue;
    // A five-byte nop with a uprobe is a call.
    if (site.tier === 'nop5' && shared(offset)) continue;
    const where = `${site.function} (${site.file}:${site.line})`;
    throw found[at] === BREAKPOINT ? refusal.foreignBreakpoint(where) : refusal.changedText(where);
  }
};

/**
 * Of sites that a debugger had until now: a thread that it has set back to the instruction would be shown there once more,
 * and one that stands in its midst, with the debugger's trap still on its way, would be lost.
 */
const checkThreads = (site: PlannedSite, text: LiveText, counters: readonly number[] | undefined): void => {
  const start = text.addressOf(Number(site.offset));
  if (site.yields !== true || start === undefined) return;
  const end = start + site.instruction.length / 2;
  if (counters?.some((counter) => counter >= start && counter < end) ?? true)
    throw refusal.threadThere(`${site.function} (${site.file}:${site.line})`);
};

export interface AdmissionOptions {
  readonly files: BinaryFiles;
  readonly asking: number;
  readonly ours: (file: BinaryFile, target: ProcessIdentity, offset: number) => boolean;
}

/** Throws `Refused`. */
export const admit = async (plan: ProbePlan, target: AgentTarget, options: AdmissionOptions): Promise<Admitted> => {
  const { asking } = options;
  const identity = admitProcess(target.pid, asking);
  const tracer = identifyTracer(target, asking);
  const file = await runningFile(target, plan, options);
  for (const site of plan.sites) checkFileBytes(plan, site, file);
  const text = openLiveText(target.pid, file);
  try {
    const ours = (offset: number): boolean => options.ours(file, identity, offset);
    const shared = plan.spec.action.kind === 'stop' ? () => false : sharedSites(target.pid, file);
    for (const site of plan.sites) checkLiveBytes(site, file, text, ours, shared);
    const counters = plan.sites.some((site) => site.yields) ? programCounters(target.pid) : [];
    for (const site of plan.sites) checkThreads(site, text, counters);
  } finally {
    text.close();
  }
  // The checks above took time: the process must still be the one that was looked at.
  const now = processState(target.pid);
  if (now?.startTime !== identity.startTime) throw refusal.noSuchProcess(target.pid);
  return { target: identity, tracer, file };
};
