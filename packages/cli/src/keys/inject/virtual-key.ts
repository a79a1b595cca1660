/** A keyboard of our own with one key that nothing binds; nobody else is shown what it does (EVIOCGRAB). */
import { closeSync, constants, createReadStream, openSync, type ReadStream, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { controlDevice, KernelError } from '@probelens/bpf';
import type { OpenedKey, PressedKey, VirtualKey } from '@probelens/dap';
import { isSystemError } from '../../output.js';
import { InputReader } from '../trace/input-event.js';
import {
  type Control,
  controls,
  eventTypes,
  monotonicClock,
  pressRecords,
  setupRecord,
  systemNameBuffer,
  unboundKey,
} from './uinput.js';

export interface InputPlaces {
  readonly uinput: string;
  /** Where the kernel lists its virtual devices. */
  readonly system: string;
  /** Where the devices' files are. */
  readonly devices: string;
}

const places: InputPlaces = { uinput: '/dev/uinput', system: '/sys/devices/virtual/input', devices: '/dev/input' };

/** udev hands a new device's file to its group a moment after the kernel made it. Milliseconds. */
const NODE_LIMIT_MS = 2_000;
const NODE_STEP_MS = 20;

/** A sentence for the person. */
class Unavailable extends Error {}

const control = (fd: number, name: Control, argument: number | Uint8Array = 0): void => {
  try {
    controlDevice(fd, name, controls[name], argument);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const hint = name === 'UI_DEV_SETUP' && error.code === 'EINVAL' ? ' It needs Linux 4.5 or newer.' : '';
    throw new Unavailable(`${error.message}${hint}`);
  }
};

const openDevice = ({ uinput }: InputPlaces): number => {
  try {
    return openSync(uinput, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    switch (error.code) {
      case 'ENOENT':
        throw new Unavailable(
          `This machine has no ${uinput}; where its kernel has the module, \`modprobe uinput\` makes it.`,
        );
      case 'ENODEV':
      case 'ENXIO':
        throw new Unavailable(`This kernel has no driver behind ${uinput} (CONFIG_INPUT_UINPUT).`);
      case 'EACCES':
      case 'EPERM':
        throw new Unavailable(
          `You may not use ${uinput}; run this as root, or be allowed to by \`setfacl -m u:$USER:rw ${uinput}\`.`,
        );
      default:
        throw new Unavailable(`${uinput} cannot be opened (${error.code}).`);
    }
  }
};

/** The device's name below `system`: "input7". */
const create = (fd: number): string => {
  control(fd, 'UI_SET_EVBIT', eventTypes.key);
  control(fd, 'UI_SET_KEYBIT', unboundKey);
  control(fd, 'UI_DEV_SETUP', setupRecord('probelens latency'));
  control(fd, 'UI_DEV_CREATE');
  const name = systemNameBuffer();
  control(fd, 'UI_GET_SYSNAME', name);
  return name.toString('latin1', 0, name.indexOf(0));
};

const eventFile = (name: string, { system, devices }: InputPlaces): string => {
  const event = readdirSync(join(system, name)).find((entry) => /^event\d+$/.test(entry));
  if (event === undefined)
    throw new Unavailable('This kernel makes no event devices (CONFIG_INPUT_EVDEV, `modprobe evdev`).');
  return join(devices, event);
};

const openEvents = async (path: string): Promise<number> => {
  const late = Date.now() + NODE_LIMIT_MS;
  for (;;) {
    try {
      return openSync(path, constants.O_RDONLY);
    } catch (error) {
      if (!isSystemError(error) || (error.code !== 'ENOENT' && error.code !== 'EACCES')) throw error;
      if (Date.now() > late)
        throw new Unavailable(
          error.code === 'ENOENT'
            ? `The kernel has made a keyboard, but its file ${path} does not appear; a container sees no new devices.`
            : `You may not read ${path}; run this as root, or be in the group input.`,
        );
      await pause(NODE_STEP_MS);
    }
  }
};

class Pressable implements VirtualKey {
  readonly #stream: ReadStream;
  readonly #records = pressRecords(unboundKey);
  #seen: (key: PressedKey) => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  constructor(
    readonly fd: number,
    events: number,
  ) {
    const reader = new InputReader();
    this.#stream = createReadStream('', { fd: events });
    this.#stream.on('data', (chunk) => {
      const arrived = process.hrtime.bigint();
      const key = reader.push(Buffer.from(chunk)).find(({ type, value }) => type === eventTypes.key && value === 1);
      if (key !== undefined) this.#seen({ input: key.time, arrived });
    });
    // ENODEV where the keyboard goes: that is how the reading ends.
    this.#stream.on('error', (error) => this.#failed(error));
  }

  press(): Promise<PressedKey> {
    return new Promise((resolve, reject) => {
      this.#seen = resolve;
      this.#failed = reject;
      writeSync(this.fd, this.#records);
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#stream.once('close', resolve));
    this.#failed = () => undefined;
    // The kernel removes the keyboard, and whoever reads it is told so.
    closeSync(this.fd);
    await closed;
  }
}

const open = async (where: InputPlaces): Promise<VirtualKey> => {
  const fd = openDevice(where);
  try {
    const events = await openEvents(eventFile(create(fd), where));
    try {
      control(events, 'EVIOCSCLOCKID', monotonicClock());
      control(events, 'EVIOCGRAB', 1);
      return new Pressable(fd, events);
    } catch (error) {
      closeSync(events);
      throw error;
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};

/** Rejects with a system error only where the machine does something that is not foreseen. */
export const openVirtualKey = async (where: InputPlaces = places): Promise<OpenedKey> => {
  try {
    return { ok: true, key: await open(where) };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { ok: false, reason: error.message };
  }
};
