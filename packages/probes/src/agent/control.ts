/** What the agent's programs share: whom they may stop, whom a kernel event has armed, which probes are switched off. */
import { type BpfMap, createMap, u32, u64 } from '@probelens/bpf';
import { armedThreadsKey, armedThreadsValue, mostArmedThreads } from '../program/armed-thread.js';
import { controlOffsets, controlSize } from '../program/state.js';
import { switchesEntries, switchSize } from '../program/switches.js';
import { Opened } from './armed.js';

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
  readonly switches: BpfMap;
  readonly #opened = new Opened();
  #focus: FocusWords = { focus: 0n, muted: 0n, quiet: false };
  /** Probes that arm threads. */
  readonly #arming = new Set<number>();

  constructor() {
    try {
      this.map = this.#array('probelens_ctl', controlSize, 1);
      this.switches = this.#array('probelens_then', switchSize, switchesEntries);
      this.armedThreads = this.#opened.add(
        createMap({
          type: 'lru-hash',
          name: 'probelens_armed',
          keySize: armedThreadsKey,
          valueSize: armedThreadsValue,
          maxEntries: mostArmedThreads,
        }),
      );
    } catch (error) {
      this.#opened.close();
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
    this.#opened.close();
  }

  /** The word of a number in the client's list, before the probe of that number is attached. */
  switch(number: number, state: 'on' | 'off'): void {
    this.switches.update(u32(number), u64(state === 'on' ? 0 : 1));
  }

  #array(name: string, valueSize: number, maxEntries: number): BpfMap {
    return this.#opened.add(createMap({ type: 'array', name, valueSize, maxEntries }));
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
