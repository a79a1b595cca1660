/**
 * What the kernel saw of a keyboard: records of /dev/input/event*, struct input_event of linux/input.h on 64-bit machines:
 * seconds (8 bytes), microseconds (8), type (2), code (2), value (4), little-endian.
 */
import { chord, chordText } from '../chord.js';

export interface InputEvent {
  /** Nanoseconds of the device's clock: wall-clock time unless set otherwise (EVIOCSCLOCKID). */
  readonly time: bigint;
  readonly type: number;
  readonly code: number;
  /** Keys: 0 released, 1 pressed, 2 repeated. */
  readonly value: number;
}

export const recordSize = 24;
const EV_KEY = 1;

/** Reads records however the stream is cut. */
export class InputReader {
  #held = Buffer.alloc(0);

  push(chunk: Buffer): readonly InputEvent[] {
    const all = Buffer.concat([this.#held, chunk]);
    const count = Math.floor(all.length / recordSize);
    this.#held = all.subarray(count * recordSize);
    return Array.from({ length: count }, (_, index) => {
      const at = index * recordSize;
      return {
        time: all.readBigInt64LE(at) * 1_000_000_000n + all.readBigInt64LE(at + 8) * 1_000n,
        type: all.readUInt16LE(at + 16),
        code: all.readUInt16LE(at + 18),
        value: all.readInt32LE(at + 20),
      };
    });
  }
}

/** linux/input-event-codes.h; letters by the rows of a keyboard, named as on an English one. */
const rows: readonly (readonly [first: number, keys: string])[] = [
  [2, '1234567890-='],
  [16, 'qwertyuiop[]'],
  [30, "asdfghjkl;'`"],
  [43, '\\zxcvbnm,./'],
];

const named: ReadonlyMap<number, string> = new Map([
  ...rows.flatMap(([first, keys]) => [...keys].map((key, index) => [first + index, key] as const)),
  ...Array.from({ length: 10 }, (_, index) => [59 + index, `F${index + 1}`] as const),
  [87, 'F11'],
  [88, 'F12'],
  [1, 'Esc'],
  [14, 'Backspace'],
  [15, 'Tab'],
  [28, 'Enter'],
  [57, 'Space'],
  [103, 'Up'],
  [105, 'Left'],
  [106, 'Right'],
  [108, 'Down'],
]);

const modifiers: ReadonlyMap<number, string> = new Map([
  [29, 'C'],
  [97, 'C'],
  [42, 'S'],
  [54, 'S'],
  [56, 'A'],
  [100, 'A'],
]);

export interface SeenKey {
  /** "Ctrl+Shift+K". */
  readonly name: string;
  readonly time: bigint;
}

/** Follows the modifiers; a key is seen when it is pressed or repeated. */
export class Keyboard {
  readonly #held = new Map<number, string>();

  see({ type, code, value, time }: InputEvent): SeenKey | undefined {
    if (type !== EV_KEY) return undefined;
    const modifier = modifiers.get(code);
    if (modifier !== undefined) {
      if (value === 0) this.#held.delete(code);
      else this.#held.set(code, modifier);
      return undefined;
    }
    if (value === 0) return undefined;
    const key = named.get(code) ?? `key ${code}`;
    return { name: chordText(chord([...this.#held.values()].join(''), key)), time };
  }
}
