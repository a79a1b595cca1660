/** What one client has armed, and the kernel objects that its probes share. */
import { readlinkSync } from 'node:fs';
import { type BpfMap, createMap, type Features, features, JumpTooLong, KernelError } from '@probelens/bpf';
import type { BpfWhat } from '../bpf-load/call.js';
import { bpfDetails } from '../bpf-load/text.js';
import type { ProbeCounters, ProbeEvent } from '../events.js';
import type { ProbePlan } from '../plan/plan.js';
import { InvalidPlan, ProgramError, validatePlan, validHits } from '../program/index.js';
import { ExpressionTooLarge } from '../program/validate-expression.js';
import { admit, admitProcess, askingUser, identifyTracer } from './admission.js';
import type { Armed } from './armed.js';
import { ArmedProbe, changedText } from './armed-probe.js';
import { ArmedSource } from './armed-source.js';
import { BinaryFiles } from './binary-file.js';
import { aboutToLoad } from './bpf-load/about-to-load.js';
import { ArmedBpf } from './bpf-load/armed-bpf.js';
import { Control } from './control.js';
import { EventReader } from './event-reader.js';
import type { GuardLink } from './guard-link.js';
import { enterPlace, validPlace } from './list-place.js';
import { machineHere } from './machine.js';
import type {
  AgentTarget,
  ArmParams,
  ArmSourceParams,
  DescribedLoad,
  DescribeLoadParams,
  Focus,
  RecordShape,
} from './protocol.js';
import * as refusal from './refusal.js';
import { type Joining, Targets } from './targets.js';
import { type ValidBpf, validBpf, validSource } from './valid-source.js';
import { goroutineId, sourceStopOf, stopOf, validTarget } from './valid-target.js';

/**
 * Bytes of the ring that all probes share: some 80,000 records of the usual 100 bytes, a twentieth of a second of the
 * fastest program. All of it counts in the agent's 80 MB.
 */
const RING_BYTES = 8 * 1024 * 1024;

/** Bytes. validatePlan allows 65,536 and the stack of a snapshot. */
const LONGEST_RECORD = 128 * 1024;

export interface SessionOptions {
  readonly guard: GuardLink;
  /** Resolves when they have been written. */
  readonly sendRecords: (records: Uint8Array) => Promise<void>;
  /** Reaches the client before any record that is sent later. */
  readonly sendShape: (shape: RecordShape) => void;
  readonly sendBpf: (events: readonly ProbeEvent[]) => Promise<void>;
  readonly sendGone: (pid: number, why: 'target-exited' | 'tracer-exited', counters: readonly ProbeCounters[]) => void;
}

interface Shared {
  readonly control: Control;
  readonly events: BpfMap;
  readonly reader: EventReader;
}

/** PROC_PID_INIT_INO, include/linux/proc_ns.h: the namespace in which BPF programs count process ids. */
const HOST_PID_NAMESPACE = 'pid:[4026531836]';

const namespaceReason = (): string | undefined =>
  readlinkSync('/proc/self/ns/pid') === HOST_PID_NAMESPACE
    ? undefined
    : "The agent runs in a container with process ids of its own, which the kernel does not know; start it in the host's (docker run --pid=host).";

/** The first reason why nothing can be armed here. */
export const incapability = (found: Features): string | undefined =>
  [found.bpf, found.ringBuffer, found.pidfd, found.uprobeMulti.works ? found.uprobeMulti : found.perfUprobe].find(
    (feature) => !feature.works,
  )?.reason ?? namespaceReason();

export class Session {
  readonly #options: SessionOptions;
  readonly #targets: Targets;
  readonly #files = new BinaryFiles();
  readonly #probes = new Map<number, Armed>();
  readonly #asking = askingUser();
  #shared: Shared | undefined;
  #nextId = 1;
  /** Armings are one after the other: two that look at the same code at once would not see each other. */
  #arming: Promise<unknown> = Promise.resolve();
  #closing = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#targets = new Targets({
      guard: options.guard,
      onGone: (pid, why, probes) => this.#gone(pid, why, probes),
    });
  }

  /** All or nothing. Throws `Refused`. */
  arm(params: ArmParams): Promise<number> {
    return this.#inTurn(() => this.#armProbe(params));
  }

  /** The same for events of the kernel. */
  armSource(params: ArmSourceParams): Promise<number> {
    return this.#inTurn(() => this.#armSource(params));
  }

  #inTurn<T>(arm: () => Promise<T>): Promise<T> {
    const arming = this.#arming.then(() => {
      const reason = incapability(features());
      if (reason !== undefined) throw refusal.notCapable(reason);
      return arm();
    });
    this.#arming = arming.catch(() => undefined);
    return arming;
  }

  async #armProbe(params: ArmParams): Promise<number> {
    const plan = this.#validate(params.plan);
    const place = this.#checked(() => validPlace(params, plan.spec));
    const hits = this.#checked(() => validHits(params, plan));
    const target = validTarget(params.target);
    const admitted = await admit(plan, target, {
      files: this.#files,
      asking: this.#asking,
      ours: (file, identity, offset) => this.#targets.probesOf(identity.pid).some((probe) => probe.holds(file, offset)),
    });
    const machine = machineHere();
    if (admitted.file.machine !== machine) throw refusal.wrongMachine(plan.binary.path, admitted.file.machine, machine);
    const stop = stopOf(plan, target);
    const abilities = abilitiesOf(features());
    const changes = changedText(admitted.file, plan.sites);
    return this.#enter({ ...admitted, halts: stop.kind === 'halt', changes }, (id, shared) => {
      const switchedBy = enterPlace(shared.control, place, plan.spec);
      return new ArmedProbe({ id, plan, admitted, machine, stop, maps: mapsOf(shared), hits, switchedBy, abilities });
    });
  }

  async #armSource(params: ArmSourceParams): Promise<number> {
    const source = validSource(params);
    if (source.spec.target.kind === 'bpf')
      return this.#armBpf(validBpf(params), source.spec.target.what, params.target);
    const named = validTarget(params.target);
    const target = admitProcess(named.pid, this.#asking);
    const stop = sourceStopOf(source.spec, named);
    const tracer = stop === 'arm' ? identifyTracer(named, this.#asking) : undefined;
    return this.#enter({ target, tracer, halts: stop === 'halt' }, (id, shared) => {
      const { control } = shared;
      return new ArmedSource({
        ...source,
        id,
        target,
        stop,
        starting: named.starting === true,
        machine: machineHere(),
        maps: mapsOf(shared),
        switchedBy: enterPlace(control, source.place, source.spec),
        control,
      });
    });
  }

  #armBpf(source: ValidBpf, what: BpfWhat, named: AgentTarget): number {
    const place = source.everywhere ? undefined : validTarget(named);
    const target = place === undefined ? undefined : admitProcess(place.pid, this.#asking);
    const stop = place === undefined ? 'none' : sourceStopOf(source.spec, place);
    const tracer = place !== undefined && stop === 'arm' ? identifyTracer(place, this.#asking) : undefined;
    const user = source.everywhere && this.#asking !== 0 ? this.#asking : undefined;
    const make = (id: number, { control }: Shared): Armed =>
      new ArmedBpf({
        ...source,
        id,
        what,
        target,
        user,
        stop,
        machine: machineHere(),
        control,
        send: this.#options.sendBpf,
      });
    return this.#enter(target === undefined ? undefined : { target, tracer, halts: stop === 'halt' }, make);
  }

  /** Puts it into the kernel with its target watched from before to after. */
  #enter(joining: Joining | undefined, make: (id: number, shared: Shared) => Armed): number {
    // The input ended while files were read: nothing may go into the kernel any more.
    if (this.#closing) throw refusal.notCapable('The agent is ending; start it again.');
    const place = joining === undefined ? undefined : this.#targets.prepare(joining);
    try {
      const armed = make(this.#nextId++, this.#share());
      this.#probes.set(armed.id, armed);
      // In this very turn: its records are read in a later one.
      const { id, captures, stackSites, code } = armed;
      this.#options.sendShape({ probe: id, captures, stackSites, code });
      place?.add(armed);
      return armed.id;
    } catch (error) {
      place?.cancel();
      throw asRefusal(error);
    }
  }

  #validate(plan: unknown): ProbePlan {
    return this.#checked(() => validatePlan(plan, machineHere()));
  }

  #checked<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      if (error instanceof InvalidPlan) throw refusal.badPlan(error.message);
      throw error;
    }
  }

  /** Out of the kernel; then everything that it had recorded is sent. Throws `Refused`. */
  async disarm(id: number): Promise<ProbeCounters> {
    const probe = this.#probes.get(id);
    if (probe === undefined) throw refusal.noSuchProbe(id);
    const counters = probe.disarm();
    this.#targets.remove(probe);
    await this.drain();
    this.#probes.delete(id);
    return counters;
  }

  async disarmAll(): Promise<readonly ProbeCounters[]> {
    await this.#arming;
    const probes = [...this.#probes.values()].toReversed();
    const counters = probes.map((probe) => probe.disarm()).toReversed();
    for (const probe of probes) this.#targets.remove(probe);
    await this.drain();
    for (const probe of probes) this.#probes.delete(probe.id);
    return counters;
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#probes.values()].map((probe) => probe.flush?.()));
    await this.#shared?.reader.flush();
  }

  /** What a process is about to load, from its memory. Throws `Refused`. */
  describeLoad(params: DescribeLoadParams): DescribedLoad | undefined {
    const { pid } = admitProcess(validTarget({ pid: params.pid, tracer: undefined }).pid, this.#asking);
    const load = aboutToLoad(pid, params);
    return load === undefined ? undefined : { load, details: bpfDetails(load, { whole: false }) };
  }

  /** Continues a process that a probe halted. Throws `Refused` for one that has no probe. */
  resume(pid: number): void {
    const identity = this.#targets.halting.find((each) => each.pid === pid);
    if (identity === undefined) throw refusal.notHalted(pid);
    this.#targets.resume(identity);
  }

  counters(): readonly ProbeCounters[] {
    return [...this.#probes.values()].map((probe) => probe.counters);
  }

  focus(focus: Focus): void {
    this.#share().control.focus({
      focus: goroutineId(focus.goid),
      muted: goroutineId(focus.muted),
      quiet: focus.quiet === true,
    });
  }

  /**
   * Whether the end of this process is the best way to take the probes out: they change code, and no process waits to be
   * continued by us afterwards.
   */
  get endsBest(): boolean {
    const changesCode = [...this.#probes.values()].some((probe) => probe instanceof ArmedProbe);
    return changesCode && this.#targets.halting.length === 0;
  }

  /** Takes everything out of the kernel without waiting for anybody, and continues what was halted. */
  close(): void {
    this.#closing = true;
    const halting = this.#targets.halting;
    const probes = [...this.#probes.values()].toReversed();
    for (const probe of probes) probe.disarm();
    for (const probe of probes) this.#targets.remove(probe);
    for (const identity of halting) this.#targets.resume(identity);
    this.#probes.clear();
    this.#shared?.reader.close();
    this.#shared?.control.close();
    this.#shared?.events.close();
    this.#shared = undefined;
    this.#files.close();
  }

  /** Resolves when no target has to be looked after any more. */
  settled(): Promise<void> {
    return this.#targets.settled();
  }

  #share(): Shared {
    if (this.#shared !== undefined) return this.#shared;
    const control = new Control();
    const events = createMap({ type: 'ringbuf', name: 'probelens_ring', maxEntries: RING_BYTES });
    const reader = new EventReader({
      events,
      longestRecord: LONGEST_RECORD,
      send: (bytes) => this.#sendRecords(bytes),
    });
    this.#shared = { control, events, reader };
    return this.#shared;
  }

  /** What has a way of its own comes first: it may be why something in these records happened. */
  #sendRecords(bytes: Uint8Array): Promise<void> {
    for (const probe of this.#probes.values()) void probe.flush?.();
    return this.#options.sendRecords(bytes);
  }

  #gone(pid: number, why: 'target-exited' | 'tracer-exited', probes: readonly Armed[]): void {
    const counters = probes.map((probe) => probe.counters);
    void this.drain().then(() => {
      for (const probe of probes) this.#probes.delete(probe.id);
      this.#options.sendGone(pid, why, counters);
    });
  }
}

const abilitiesOf = (found: Features) => ({
  uprobeMulti: found.uprobeMulti.works,
  uprobeMultiPid: found.uprobeMultiPid.works,
  closeRange: found.closeRange.works,
  sleepable: found.sleepableUprobe.works,
  cookies: found.cookies.works,
});

/** As the programs name them. */
const mapsOf = ({ control, events }: Shared) => ({
  control: control.map,
  events,
  armedThreads: control.armedThreads,
  switches: control.switches,
});

const asRefusal = (error: unknown): unknown => {
  if (error instanceof KernelError) return new refusal.Refused('kernel-refused', error.message, { cause: error });
  if (error instanceof ProgramError) return refusal.badPlan(error.message);
  if (error instanceof JumpTooLong) return new ExpressionTooLarge();
  return error;
};
