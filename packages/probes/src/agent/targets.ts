/** The processes that have probes: who watches them, and what happens when they or their tracers end. */
import { openProcess, type ProcessHandle } from '@probelens/bpf';
import type { Armed } from './armed.js';
import type { GuardLink } from './guard-link.js';
import type { ChangedText } from './guard-protocol.js';
import { isAlive, isStopPending, isStopped, type ProcessIdentity, sendSignal } from './process-state.js';

interface Target {
  readonly identity: ProcessIdentity;
  readonly handle: ProcessHandle;
  tracer: { readonly identity: ProcessIdentity; readonly handle: ProcessHandle } | undefined;
  readonly probes: Set<Armed>;
  /** A probe that could halt it has been armed. */
  halts: boolean;
}

export interface TargetsOptions {
  readonly guard: GuardLink;
  readonly onGone: (pid: number, why: 'target-exited' | 'tracer-exited', probes: readonly Armed[]) => void;
}

export interface Joining {
  readonly target: ProcessIdentity;
  readonly tracer: ProcessIdentity | undefined;
  readonly halts: boolean;
  /** What the probe is going to change of its code. */
  readonly changes?: ChangedText;
}

/** A stop that was on its way is delivered within milliseconds; these looks cover a busy machine. Milliseconds. */
const LOOKS_AFTER_TRACER = [0, 20, 80, 400] as const;

export class Targets {
  readonly #options: TargetsOptions;
  readonly #targets = new Map<number, Target>();
  readonly #mending = new Set<Promise<void>>();

  constructor(options: TargetsOptions) {
    this.#options = options;
  }

  /**
   * Before a probe that may stop the process, or changes its code, goes in: the guard knows it, and its end will be seen.
   * Returns the way back, for an arming that fails. Throws KernelError when the process is gone.
   */
  prepare(joining: Joining): { add(probe: Armed): void; cancel(): void } {
    const target = this.#find(joining);
    if (joining.halts) target.halts = true;
    if (target.halts || target.tracer !== undefined || joining.changes !== undefined)
      this.#options.guard.watch({
        target: target.identity,
        tracer: target.tracer?.identity,
        stops: target.halts,
        changes: joining.changes,
      });
    return {
      add: (probe) => {
        target.probes.add(probe);
      },
      cancel: () => this.#releaseIfEmpty(target),
    };
  }

  /** After the probe is out of the kernel. Continues what it may have halted. */
  remove(probe: Armed): void {
    const target = this.#targets.get(probe.target.pid);
    if (target === undefined || !target.probes.delete(probe)) return;
    const mayHalt = [...target.probes].some((other) => other.stop === 'halt');
    if (probe.stop === 'halt' && !mayHalt) this.resume(target.identity);
    this.#releaseIfEmpty(target);
  }

  probesOf(pid: number): readonly Armed[] {
    return [...(this.#targets.get(pid)?.probes ?? [])];
  }

  get halting(): readonly ProcessIdentity[] {
    return [...this.#targets.values()].filter((target) => target.halts).map((target) => target.identity);
  }

  /** SIGCONT, if the process is still the same and is stopped by a signal, or is about to be. */
  resume(identity: ProcessIdentity): void {
    const { pid } = identity;
    if (isAlive(identity) && (isStopped(pid) || isStopPending(pid))) sendSignal(pid, 'SIGCONT');
  }

  /** Every continuation that is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#mending);
  }

  #find(joining: Joining): Target {
    const { pid } = joining.target;
    let target = this.#targets.get(pid);
    // A number used again by another process: the old one's end is just not handled yet.
    if (target !== undefined && target.identity.startTime !== joining.target.startTime) {
      this.#gone(target, 'target-exited');
      target = undefined;
    }
    target ??= this.#open(joining.target);
    if (joining.tracer !== undefined && target.tracer?.identity.startTime !== joining.tracer.startTime)
      this.#watchTracer(target, joining.tracer);
    return target;
  }

  #open(identity: ProcessIdentity): Target {
    const handle = openProcess(identity.pid);
    const target: Target = { identity, handle, tracer: undefined, probes: new Set(), halts: false };
    this.#targets.set(identity.pid, target);
    handle.onExit(() => this.#gone(target, 'target-exited'));
    return target;
  }

  #watchTracer(target: Target, identity: ProcessIdentity): void {
    target.tracer?.handle.close();
    const handle = openProcess(identity.pid);
    target.tracer = { identity, handle };
    handle.onExit(() => {
      if (target.tracer?.handle !== handle) return;
      this.#gone(target, 'tracer-exited');
      this.#keepRunning(target.identity);
    });
  }

  #gone(target: Target, why: 'target-exited' | 'tracer-exited'): void {
    if (this.#targets.get(target.identity.pid) !== target) return;
    const probes = [...target.probes];
    // Our int3s first: whatever the tracer left pending must not meet them.
    if (why === 'tracer-exited') for (const probe of probes) probe.disarm();
    target.probes.clear();
    this.#targets.delete(target.identity.pid);
    target.handle.close();
    target.tracer?.handle.close();
    if (why === 'target-exited') this.#options.guard.forget(target.identity.pid);
    this.#takeOut(target.identity.pid, why, probes);
  }

  /**
   * Some 50 ms a link (Linux 6.18: each waits for all that may be in a uprobe). Nobody is left to meet them, so whoever asks
   * something meanwhile, as for the last records, does not wait for all of them.
   */
  #takeOut(pid: number, why: 'target-exited' | 'tracer-exited', probes: readonly Armed[], next = 0): void {
    const probe = probes[next];
    if (probe === undefined) {
      this.#options.onGone(pid, why, probes);
      return;
    }
    probe.disarm();
    setImmediate(() => this.#takeOut(pid, why, probes, next + 1));
  }

  #keepRunning(identity: ProcessIdentity): void {
    const mending = this.#resumeForAWhile(identity).finally(() => {
      this.#mending.delete(mending);
      if (!this.#targets.has(identity.pid)) this.#options.guard.forget(identity.pid);
    });
    this.#mending.add(mending);
  }

  async #resumeForAWhile(identity: ProcessIdentity): Promise<void> {
    for (const wait of LOOKS_AFTER_TRACER) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      if (!isAlive(identity)) return;
      this.resume(identity);
    }
  }

  #releaseIfEmpty(target: Target): void {
    if (target.probes.size > 0 || this.#targets.get(target.identity.pid) !== target) return;
    this.#targets.delete(target.identity.pid);
    target.handle.close();
    target.tracer?.handle.close();
    this.#options.guard.forget(target.identity.pid);
  }
}
