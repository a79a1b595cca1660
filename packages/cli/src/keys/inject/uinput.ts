/**
 * What the kernel is told to make a keyboard of our own: linux/uinput.h (Linux >= 4.5 for UI_DEV_SETUP) and linux/input.h.
 * All little-endian, on 64-bit machines.
 */
import { controlNumber } from '@probelens/bpf';
import { recordSize } from '../trace/input-event.js';

/** KEY_MACRO30: behind all that a console (256 keys), X (248) or an editor has a meaning for. */
export const unboundKey = 0x2ad;

const [EV_SYN, EV_KEY, BUS_VIRTUAL] = [0, 1, 6];

/** struct uinput_setup: input_id (bus, vendor, product, version: 2 bytes each), name (80), ff_effects_max (4). */
const setupSize = 92;
const setupName = { at: 8, size: 80 };
/** "input123" with its zero. */
const systemNameSize = 64;

const int = 4;

/** By the header's names. The numbers of UI_SET_* say that their argument is a pointer; it is the code itself. */
export const controls = {
  UI_SET_EVBIT: controlNumber('write', 'U', 100, int),
  UI_SET_KEYBIT: controlNumber('write', 'U', 101, int),
  UI_DEV_SETUP: controlNumber('write', 'U', 3, setupSize),
  UI_DEV_CREATE: controlNumber('none', 'U', 1, 0),
  UI_GET_SYSNAME: controlNumber('read', 'U', 44, systemNameSize),
  EVIOCSCLOCKID: controlNumber('write', 'E', 0xa0, int),
  EVIOCGRAB: controlNumber('write', 'E', 0x90, int),
} as const;

export type Control = keyof typeof controls;

export const eventTypes = { key: EV_KEY } as const;

/** A buffer for UI_GET_SYSNAME. */
export const systemNameBuffer = (): Buffer => Buffer.alloc(systemNameSize);

export const setupRecord = (name: string): Buffer => {
  const bytes = Buffer.alloc(setupSize);
  bytes.writeUInt16LE(BUS_VIRTUAL, 0);
  bytes.write(name, setupName.at, setupName.size - 1, 'latin1');
  return bytes;
};

/** Pressed and released, each with the report that hands it out: four records of struct input_event, times left to the kernel. */
export const pressRecords = (code: number): Buffer => {
  const records = [
    [EV_KEY, code, 1],
    [EV_SYN, 0, 0],
    [EV_KEY, code, 0],
    [EV_SYN, 0, 0],
  ] as const;
  const bytes = Buffer.alloc(records.length * recordSize);
  for (const [index, [type, key, value]] of records.entries()) {
    const at = index * recordSize + 16;
    bytes.writeUInt16LE(type, at);
    bytes.writeUInt16LE(key, at + 2);
    bytes.writeInt32LE(value, at + 4);
  }
  return bytes;
};

/** CLOCK_MONOTONIC for EVIOCSCLOCKID, which takes a pointer to it. */
export const monotonicClock = (): Buffer => {
  const bytes = Buffer.alloc(int);
  bytes.writeInt32LE(1);
  return bytes;
};
