/**
 * A key below every terminal: pressed in the kernel through uinput, read from the keyboard's own device. Whoever measures
 * is given one, because making a device is nothing that a session may do.
 */
import type { Arrivals } from './arrivals.js';
import { armCall } from './kernel-path.js';
import { now, within } from './patience.js';
import type { Sampler } from './sampler.js';

/** Nanoseconds of CLOCK_MONOTONIC. */
export interface PressedKey {
  /** The kernel's own time of the key, in whole microseconds. */
  readonly input: bigint;
  /** When this process had it. */
  readonly arrived: bigint;
}

export interface VirtualKey {
  /** What is written to is this descriptor of this process, by one write(2) a key. */
  readonly fd: number;
  /** Presses and releases it. One at a time. */
  press(): Promise<PressedKey>;
  /** The keyboard is gone afterwards. */
  close(): Promise<void>;
}

export type OpenedKey =
  | { readonly ok: true; readonly key: VirtualKey }
  /** A sentence: why there is none. */
  | { readonly ok: false; readonly reason: string };

const pressed = (key: VirtualKey): Promise<PressedKey> => within(key.press(), 'A key through uinput');

/** The tracepoint's time of the write that presses the key, against its arrival. */
export const uinputToArrival = async (arrivals: Arrivals, key: VirtualKey): Promise<Sampler> => {
  const probe = await armCall(arrivals, `tracepoint:syscalls:sys_enter_write if fd == ${key.fd} do log`, process.pid);
  return {
    take: async () => {
      const written = arrivals.next(probe, now());
      const [{ event }, { arrived }] = await Promise.all([written, pressed(key)]);
      return arrived - BigInt(event.time);
    },
    end: async () => {
      await arrivals.agent.disarm(probe);
    },
  };
};

/** The time that the kernel's input event has, against its arrival. */
export const inputToArrival = (key: VirtualKey): Sampler => ({
  take: async () => {
    const { input, arrived } = await pressed(key);
    return arrived - input;
  },
  end: () => Promise.resolve(),
});
