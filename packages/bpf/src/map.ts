import { readFileSync } from 'node:fs';
import { Attr } from './attr.js';
import { bpfCommand, objectName } from './bpf-command.js';
import { type KernelCall, refusal } from './refusal.js';
import { bpfCall, closeDescriptor } from './syscall.js';

/** BPF_MAP_TYPE_*, include/uapi/linux/bpf.h. */
const mapTypes = {
  hash: 1,
  array: 2,
  'prog-array': 3,
  'perf-event-array': 4,
  'percpu-hash': 5,
  'percpu-array': 6,
  'stack-trace': 7,
  'lru-hash': 9,
  'lru-percpu-hash': 10,
  'lpm-trie': 11,
  queue: 22,
  stack: 23,
  ringbuf: 27,
  'bloom-filter': 30,
} as const;
export type MapType = keyof typeof mapTypes;

export interface MapOptions {
  readonly type: MapType;
  /** Shown by bpftool; at most 15 characters of [A-Za-z0-9_.] are kept. */
  readonly name: string;
  /** Bytes. 0 (the default) for ringbuf, queue, stack; 4 for arrays and stack-trace. */
  readonly keySize?: number;
  /** Bytes of one value, per CPU for the per-CPU types. 0 (the default) for ringbuf. */
  readonly valueSize?: number;
  /** Entries; for a ringbuf its bytes, a power of two and a multiple of the page size. */
  readonly maxEntries: number;
  /** BPF_F_* of BPF_MAP_CREATE. */
  readonly flags?: number;
}

/** What an update may do: anything, only create, only replace. BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
export type UpdateMode = 'any' | 'create' | 'replace';
const updateFlags: Readonly<Record<UpdateMode, number>> = { any: 0, create: 1, replace: 2 };

const ENOENT = 2;
const EEXIST = 17;

/**
 * A BPF map. Keys and values are raw bytes in the machine's order (little endian); arrays take 4-byte keys.
 * Throws KernelError for what the kernel refuses, RangeError for keys and values of the wrong size.
 * `close()` drops this process's reference; the map lives on while a loaded program uses it.
 */
export class BpfMap {
  readonly type: MapType;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  #fd: number;

  private constructor(fd: number, options: MapOptions, keySize: number, valueSize: number) {
    this.#fd = fd;
    this.type = options.type;
    this.name = objectName(options.name);
    this.keySize = keySize;
    this.valueSize = valueSize;
    this.maxEntries = options.maxEntries;
  }

  static create(options: MapOptions): BpfMap {
    const keySize = options.keySize ?? defaultKeySize(options.type);
    const valueSize = options.valueSize ?? 0;
    // map_type, key_size, value_size, max_entries, map_flags at 0, 4, 8, 12, 16; map_name at 28 (16 bytes).
    const attr = new Attr(72)
      .u32(0, mapTypes[options.type])
      .u32(4, keySize)
      .u32(8, valueSize)
      .u32(12, options.maxEntries)
      .u32(16, options.flags ?? 0)
      .name(28, 16, objectName(options.name));
    const fd = bpfCall(bpfCommand.mapCreate, attr);
    if (fd < 0) throw refusal('BPF_MAP_CREATE', -fd, `the ${options.type} map "${options.name}"`);
    return new BpfMap(fd, options, keySize, valueSize);
  }

  /** The descriptor. Throws Error after `close()`. */
  get fd(): number {
    if (this.#fd < 0) throw new Error(`the map "${this.name}" is closed`);
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** Bytes of a value as look-ups give it: for per-CPU types one value, rounded up to 8, per possible CPU. */
  get lookupSize(): number {
    return isPerCpu(this.type) ? perCpuStride(this.valueSize) * possibleCpus() : this.valueSize;
  }

  /** A copy of the value, undefined if the key is absent. Per-CPU types: see lookupSize and perCpu. */
  lookup(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.lookupSize);
    return this.lookupInto(key, value) ? value : undefined;
  }

  /** Fills `value` (lookupSize bytes) and returns true, or false if the key is absent. */
  lookupInto(key: Uint8Array, value: Uint8Array): boolean {
    this.#expect('value', value.length, this.lookupSize);
    return this.#element(bpfCommand.mapLookup, 'BPF_MAP_LOOKUP_ELEM', key, value, 0);
  }

  /** The value of each possible CPU, in order. */
  lookupPerCpu(key: Uint8Array): readonly Uint8Array[] | undefined {
    const all = this.lookup(key);
    if (all === undefined) return undefined;
    const stride = isPerCpu(this.type) ? perCpuStride(this.valueSize) : this.valueSize;
    const values: Uint8Array[] = [];
    for (let at = 0; at + this.valueSize <= all.length; at += stride)
      values.push(all.subarray(at, at + this.valueSize));
    return values;
  }

  /** Sum over the CPUs of the unsigned 64-bit number at `offset` in the value; 0 if the key is absent. */
  sum(key: Uint8Array, offset = 0): bigint {
    let total = 0n;
    for (const value of this.lookupPerCpu(key) ?? []) {
      total += new DataView(value.buffer, value.byteOffset, value.byteLength).getBigUint64(offset, true);
    }
    return total;
  }

  /** Writes a value (lookupSize bytes). False when `mode` forbids it: the key exists, or does not. */
  update(key: Uint8Array, value: Uint8Array, mode: UpdateMode = 'any'): boolean {
    this.#expect('value', value.length, this.lookupSize);
    return this.#element(bpfCommand.mapUpdate, 'BPF_MAP_UPDATE_ELEM', key, value, updateFlags[mode]);
  }

  /** Whether the key was there. */
  delete(key: Uint8Array): boolean {
    return this.#element(bpfCommand.mapDelete, 'BPF_MAP_DELETE_ELEM', key, undefined, 0);
  }

  /** Takes the oldest (queue) or newest (stack) value, undefined when empty. */
  pop(): Uint8Array | undefined {
    const value = new Uint8Array(this.valueSize);
    const found = this.#element(bpfCommand.mapLookupAndDelete, 'BPF_MAP_LOOKUP_AND_DELETE_ELEM', noKey, value, 0);
    return found ? value : undefined;
  }

  push(value: Uint8Array): void {
    this.update(noKey, value);
  }

  /** Keys, each a fresh copy. Entries that come and go meanwhile may be missed or seen twice. */
  *keys(): Generator<Uint8Array> {
    let key: Uint8Array | undefined;
    for (let left = this.maxEntries; left > 0; left--) {
      const next = new Uint8Array(this.keySize);
      const attr = new Attr(32).u32(0, this.fd).pointer(16, next);
      if (key !== undefined) attr.pointer(8, key);
      const result = bpfCall(bpfCommand.mapNextKey, attr);
      if (result === -ENOENT) return;
      if (result < 0) throw refusal('BPF_MAP_GET_NEXT_KEY', -result, `the ${this.type} map "${this.name}"`);
      yield next;
      key = next;
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }

  /** map_fd, key, value, flags at 0, 8, 16, 24. */
  #element(command: number, call: KernelCall, key: Uint8Array, value: Uint8Array | undefined, flags: number): boolean {
    this.#expect('key', key.length, this.keySize);
    const attr = new Attr(32).u32(0, this.fd).u64(24, flags);
    if (key.length > 0) attr.pointer(8, key);
    if (value !== undefined) attr.pointer(16, value);
    const result = bpfCall(command, attr);
    if (result >= 0) return true;
    if (result === -ENOENT || (result === -EEXIST && flags === updateFlags.create)) return false;
    throw refusal(call, -result, `the ${this.type} map "${this.name}"`);
  }

  #expect(what: string, length: number, wanted: number): void {
    if (length !== wanted) throw new RangeError(`map "${this.name}": a ${what} of ${length} bytes, ${wanted} expected`);
  }
}

/** Creates a map. Throws KernelError. */
export const createMap = (options: MapOptions): BpfMap => BpfMap.create(options);

/** A 4-byte key or value, little endian. */
export const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

/** An 8-byte key or value, little endian. */
export const u64 = (value: bigint | number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return bytes;
};

const noKey = new Uint8Array(0);

const isPerCpu = (type: MapType): boolean =>
  type === 'percpu-array' || type === 'percpu-hash' || type === 'lru-percpu-hash';

const perCpuStride = (valueSize: number): number => Math.ceil(valueSize / 8) * 8;

const defaultKeySize = (type: MapType): number =>
  type === 'ringbuf' || type === 'queue' || type === 'stack' || type === 'bloom-filter' ? 0 : 4;

let cpus: number | undefined;

/** CPUs that may ever exist, the number of values in a per-CPU map. /sys/devices/system/cpu/possible is "0-3" or "0,2-5". */
export function possibleCpus(): number {
  if (cpus === undefined) {
    const ranges = readFileSync('/sys/devices/system/cpu/possible', 'latin1').trim().split(',');
    // The kernel numbers by nr_cpu_ids, so the highest number counts, not how many are named.
    cpus = 1 + Math.max(...ranges.map((range) => Number(range.split('-').at(-1))));
  }
  return cpus;
}
