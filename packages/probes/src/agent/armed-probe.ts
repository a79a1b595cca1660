/**
 * One probe in the kernel: its state map, its program, its links, and the order in which they come and go.
 *
 * Invariant: while a sentinel is in the kernel its gate is too. The gate's link opens first and closes last, on every
 * path, and has the lower descriptor number (descriptor-order.ts). Both go by one call: SIGKILL in between would leave the
 * sentinel in the text and take the gate out (closeTogether of bpf). For the same reason each sentinel has a link of its
 * own: of many in one, a call that is killed half-way leaves some.
 */
import {
  attachPerfUprobe,
  attachUprobeMulti,
  type BpfMap,
  closeTogether,
  createMap,
  KernelError,
  type Link,
  loadProgram,
  type Program,
  u32,
} from '@probelens/bpf';
import type { ProbeCounters } from '../events.js';
import type { PlannedCapture, PlannedSite, ProbePlan } from '../plan/plan.js';
import { buildProgram, buildSentinel, hasStack } from '../program/program.js';
import { type RecordLayout, recordLayout } from '../program/record.js';
import type { HitCondition, ProgramRequest } from '../program/request.js';
import { stateOffsets, stateSize } from '../program/state.js';
import type { Admitted } from './admission.js';
import { type Armed, countersFrom, Opened } from './armed.js';
import { withDescriptorsAbove, withHighestDescriptor } from './descriptor-order.js';
import type { ChangedText } from './guard-protocol.js';
import type { FileIdentity } from './live-text.js';
import type { ProcessIdentity } from './process-state.js';
import type { StackSite } from './protocol.js';
import { noSentinels } from './refusal.js';

export interface KernelAbilities {
  readonly uprobeMulti: boolean;
  /** Links may be limited to a process; else they are for every process that maps the file, and the program filters. */
  readonly uprobeMultiPid: boolean;
  readonly sleepable: boolean;
  readonly cookies: boolean;
  /** Links can be closed by one call. */
  readonly closeRange: boolean;
}

export interface ProbeRequest {
  readonly id: number;
  readonly plan: ProbePlan;
  readonly admitted: Admitted;
  readonly machine: ProgramRequest['machine'];
  readonly stop: ProgramRequest['stop'];
  readonly maps: {
    readonly control: BpfMap;
    readonly events: BpfMap;
    readonly armedThreads?: BpfMap;
    readonly switches?: BpfMap;
  };
  /** Which of the hits are told; undefined: all. */
  readonly hits?: HitCondition | undefined;
  /** By which others switch it. */
  readonly switchedBy?: number | undefined;
  readonly abilities: KernelAbilities;
}

const FIRST = u32(0);

/** Programs of uprobe_multi links and of perf uprobes are loaded differently. */
const load = (name: string, instructions: Uint8Array, abilities: KernelAbilities, sleepable: boolean): Program =>
  loadProgram({
    type: 'kprobe',
    name,
    instructions,
    sleepable,
    ...(abilities.uprobeMulti ? { expectedAttachType: 'uprobe-multi' as const } : {}),
  });

const loadGate = (request: ProbeRequest, state: BpfMap): Program => {
  const { plan, abilities } = request;
  const build = (sleepable: boolean): Uint8Array =>
    buildProgram({
      plan,
      machine: request.machine,
      probe: request.id,
      target: request.admitted.target.pid,
      stop: request.stop,
      maps: { state, ...request.maps },
      hits: request.hits,
      switchedBy: request.switchedBy,
      sleepable,
      siteCookie: abilities.cookies && plan.sites.length > 1,
    });
  const sleepable = abilities.sleepable && abilities.uprobeMulti;
  try {
    return load('probelens_gate', build(sleepable), abilities, sleepable);
  } catch (error) {
    // Some kernels have sleepable programs and refuse one of the helpers in them; reads of absent pages then fault.
    if (!sleepable || !(error instanceof KernelError)) throw error;
    return load('probelens_gate', build(false), abilities, false);
  }
};

interface Placement {
  readonly offset: number;
  readonly cookie: bigint;
}

/** One link for all places where the kernel can, else one for each. */
const attach = (request: ProbeRequest, program: Program, places: readonly Placement[]): readonly Link[] => {
  const { admitted, abilities } = request;
  const { path } = admitted.file;
  const { pid } = admitted.target;
  const cookies = abilities.cookies && places.length > 1;
  if (abilities.uprobeMulti) {
    const offsets = places.map((place) => place.offset);
    return [
      attachUprobeMulti({
        program,
        path,
        offsets,
        ...(abilities.uprobeMultiPid ? { pid } : {}),
        ...(cookies ? { cookies: places.map((place) => place.cookie) } : {}),
      }),
    ];
  }
  const links: Link[] = [];
  try {
    for (const { offset, cookie } of places)
      links.push(attachPerfUprobe({ program, path, offset, pid, ...(cookies ? { cookie } : {}) }));
    return links;
  } catch (error) {
    for (const link of links.toReversed()) link.close();
    throw error;
  }
};

const countedBefore = ({ counted }: HitCondition): Uint8Array => {
  const state = new Uint8Array(stateSize);
  new DataView(state.buffer).setBigUint64(stateOffsets.number, BigInt(counted), true);
  return state;
};

const gatePlaces = (sites: readonly PlannedSite[]): readonly Placement[] =>
  sites.map((site, index) => ({ offset: Number(site.offset), cookie: BigInt(index) }));

const sentinelPlaces = (sites: readonly PlannedSite[]): readonly Placement[] =>
  sites.flatMap((site, index) =>
    site.sentinel === undefined || site.use !== 'stop'
      ? []
      : [{ offset: Number(site.sentinel), cookie: BigInt(index) }],
  );

/** What the probe's links change of the program's code. */
export const changedText = ({ device, inode }: FileIdentity, sites: readonly PlannedSite[]): ChangedText => ({
  device: String(device),
  inode: String(inode),
  offsets: [...gatePlaces(sites), ...sentinelPlaces(sites)].map(({ offset }) => offset),
});

export class ArmedProbe implements Armed {
  readonly id: number;
  readonly target: ProcessIdentity;
  readonly captures: readonly PlannedCapture[];
  readonly stop: ProgramRequest['stop']['kind'];
  readonly layout: RecordLayout;
  readonly stackSites?: readonly StackSite[];
  readonly #sites: readonly PlannedSite[];
  readonly #file: FileIdentity;
  readonly #opened = new Opened();
  readonly #state: BpfMap;
  /** As they were opened: gates before sentinels. */
  readonly #links: Link[] = [];
  #final: ProbeCounters | undefined;

  /** Arms. Throws KernelError, ProgramError and Refused; nothing is left in the kernel then. */
  constructor(request: ProbeRequest) {
    this.id = request.id;
    this.target = request.admitted.target;
    this.captures = request.plan.captures;
    this.#sites = request.plan.sites;
    this.#file = request.admitted.file;
    this.stop = request.stop.kind;
    this.layout = recordLayout(request.plan.captures, hasStack(request.plan, request.stop));
    if (this.layout.stack !== undefined)
      this.stackSites = request.plan.sites.map(({ address, instruction }) => ({ address, instruction }));
    const sentinels = sentinelPlaces(request.plan.sites);
    // A perf uprobe goes later than its descriptor (bpf_perf_link_release), and nobody can say in which order.
    const together = request.abilities.uprobeMulti && request.abilities.closeRange;
    if (sentinels.length > 0 && !together) throw noSentinels();
    try {
      this.#state = this.#opened.add(
        createMap({ type: 'array', name: 'probelens_state', valueSize: stateSize, maxEntries: 1 }),
      );
      if (request.hits !== undefined) this.#state.update(FIRST, countedBefore(request.hits));
      const gate = this.#opened.add(loadGate(request, this.#state));
      // Loaded before the gate opens: between the two links nothing may fail that need not.
      const sentinel =
        sentinels.length === 0
          ? undefined
          : this.#opened.add(load('probelens_sent', buildSentinel(), request.abilities, false));
      const gates = withHighestDescriptor(() => attach(request, gate, gatePlaces(request.plan.sites)));
      this.#links.push(...gates.value);
      if (sentinel !== undefined) {
        withDescriptorsAbove(gates.highest, () => {
          for (const place of sentinels) this.#links.push(...attach(request, sentinel, [place]));
        });
      }
    } catch (error) {
      this.#detach();
      this.#opened.close();
      throw error;
    }
  }

  get counters(): ProbeCounters {
    return this.#final ?? this.#read();
  }

  holds(file: FileIdentity, offset: number): boolean {
    if (file.inode !== this.#file.inode || file.device !== this.#file.device) return false;
    return this.#sites.some((site) => {
      const start = Number(site.offset);
      // The five-byte nop becomes a call: all of it changes (arch/x86/kernel/uprobes.c, Linux 6.18).
      const width = site.tier === 'nop5' ? site.instruction.length / 2 : 1;
      return (offset >= start && offset < start + width) || offset === Number(site.sentinel);
    });
  }

  disarm(): ProbeCounters {
    if (this.#final !== undefined) return this.#final;
    this.#detach();
    // After the links: a hit that was under way is counted.
    this.#final = this.#read();
    this.#opened.close();
    return this.#final;
  }

  #detach(): void {
    closeTogether(this.#links.splice(0));
  }

  #read(): ProbeCounters {
    return countersFrom(this.id, this.#state.lookup(FIRST));
  }
}
