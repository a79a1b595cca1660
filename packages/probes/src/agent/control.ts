/** The two maps by which the agent's programs know whom they may stop and whom a kernel event has armed. */
import { type BpfMap, createMap, u32 } from '@probelens/bpf';
import { armedThreadsKey, armedThreadsValue, mostArmedThreads } from '../program/armed-thread.js';
import { controlOffsets, controlSize } from '../program/state.js';

const FIRST = u32(0);

/** What `agent/focus` says, as numbers; 0 is nobody in particular. */
export interface FocusWords {
  readonly focus: bigint;
  readonly muted: bigint;
  readonly quiet: boolean;
}

export class Control {
  readonly map: BpfMap;
  readonly armedThreads: BpfMap;
  #focus: FocusWords = { focus: 0n, muted: 0n, quiet: false };
  /** Probes that arm threads. */
  readonly #arming = new Set<number>();

  constructor() {
    this.map = createMap({ type: 'array', name: 'probelens_ctl', valueSize: controlSize, maxEntries: 1 });
    try {
      this.armedThreads = createMap({
        type: 'lru-hash',
        name: 'probelens_armed',
        keySize: armedThreadsKey,
        valueSize: armedThreadsValue,
        maxEntries: mostArmedThreads,
      });
    } catch (error) {
      this.map.close();
      throw error;
    }
  }

  focus(words: FocusWords): void {
    this.#focus = words;
    this.#write();
  }

  /** Before the probe's program is attached. */
  startArming(probe: number): void {
    this.#arming.add(probe);
    this.#write();
  }

  /** After it is detached: whom it has armed goes on unstopped. */
  stopArming(probe: number): void {
    if (!this.#arming.delete(probe) || this.map.closed) return;
    for (const key of this.armedThreads.keys()) {
      const value = this.armedThreads.lookup(key);
      if (value !== undefined && Buffer.from(value).readBigUInt64LE() === BigInt(probe)) this.armedThreads.delete(key);
    }
    this.#write();
  }

  close(): void {
    this.map.close();
    this.armedThreads.close();
  }

  #write(): void {
    const value = new Uint8Array(controlSize);
    const view = new DataView(value.buffer);
    view.setBigUint64(controlOffsets.focus, this.#focus.focus, true);
    view.setBigUint64(controlOffsets.muted, this.#focus.muted, true);
    view.setBigUint64(controlOffsets.quiet, this.#focus.quiet ? 1n : 0n, true);
    view.setBigUint64(controlOffsets.armed, BigInt(this.#arming.size), true);
    this.map.update(FIRST, value);
  }
}
