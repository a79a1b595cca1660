import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { Assembler, type BpfMap, createMap, KernelError, loadProgram, possibleCpus, u32, u64 } from '../src/index.js';

const using = (map: BpfMap, use: (map: BpfMap) => void): void => {
  try {
    use(map);
  } finally {
    map.close();
  }
};

describe.skipIf(requirement('kernel').missing)('maps', () => {
  it.each(['hash', 'lru-hash'] as const)('%s: looks up, updates by mode, deletes, lists keys', (type) =>
    using(createMap({ type, name: 'map', keySize: 8, valueSize: 16, maxEntries: 64 }), (map) => {
      const value = new Uint8Array(16).fill(7);
      expect(map.lookup(u64(1))).toBeUndefined();
      expect(map.update(u64(1), value, 'replace')).toBe(false);
      expect(map.update(u64(1), value, 'create')).toBe(true);
      expect(map.update(u64(1), value, 'create')).toBe(false);
      expect(map.update(u64(2n ** 64n - 1n), value)).toBe(true);
      expect(map.lookup(u64(1))).toEqual(value);
      const keys = [...map.keys()].map((key) => new DataView(key.buffer).getBigUint64(0, true));
      expect(keys.toSorted()).toEqual([1n, 2n ** 64n - 1n].toSorted());
      expect(map.delete(u64(1))).toBe(true);
      expect(map.delete(u64(1))).toBe(false);
      expect([...map.keys()]).toHaveLength(1);
    }),
  );

  it('hash: refuses one entry too many; lru-hash drops an old one', () => {
    using(createMap({ type: 'hash', name: 'full', keySize: 4, valueSize: 4, maxEntries: 2 }), (map) => {
      map.update(u32(1), u32(1));
      map.update(u32(2), u32(2));
      expect(() => map.update(u32(3), u32(3))).toThrow(KernelError);
    });
    using(createMap({ type: 'lru-hash', name: 'lru', keySize: 4, valueSize: 4, maxEntries: 64 }), (map) => {
      for (let key = 0; key < 1000; key++) map.update(u32(key), u32(key));
      expect(map.lookup(u32(999))).toEqual(u32(999));
      expect([...map.keys()].length).toBeLessThanOrEqual(64);
    });
  });

  it('array: has every key from the start, and none beyond', () =>
    using(createMap({ type: 'array', name: 'array', valueSize: 8, maxEntries: 3 }), (map) => {
      expect(map.lookup(u32(2))).toEqual(u64(0));
      expect(map.lookup(u32(3))).toBeUndefined();
      map.update(u32(2), u64(2n ** 63n));
      expect(map.sum(u32(2))).toBe(2n ** 63n);
      expect([...map.keys()]).toEqual([u32(0), u32(1), u32(2)]);
    }));

  it.each(['percpu-array', 'percpu-hash', 'lru-percpu-hash'] as const)('%s: one value for each CPU', (type) =>
    using(createMap({ type, name: 'percpu', keySize: 4, valueSize: 12, maxEntries: 16 }), (map) => {
      // Values are 12 bytes, which the kernel pads to 16.
      expect(map.lookupSize).toBe(16 * possibleCpus());
      const all = new Uint8Array(map.lookupSize);
      const view = new DataView(all.buffer);
      for (let cpu = 0; cpu < possibleCpus(); cpu++) view.setBigUint64(cpu * 16, BigInt(100 + cpu), true);
      map.update(u32(1), all);
      const values = map.lookupPerCpu(u32(1)) ?? [];
      expect(values).toHaveLength(possibleCpus());
      expect(values.every((value) => value.length === 12)).toBe(true);
      expect(map.sum(u32(1))).toBe(
        Array.from({ length: possibleCpus() }, (_, cpu) => BigInt(100 + cpu)).reduce((a, b) => a + b),
      );
    }),
  );

  it('queue gives the oldest, stack the newest', () => {
    for (const [type, expected] of [
      ['queue', [1, 2]],
      ['stack', [2, 1]],
    ] as const) {
      using(createMap({ type, name: type, valueSize: 4, maxEntries: 4 }), (map) => {
        map.push(u32(1));
        map.push(u32(2));
        expect([map.pop(), map.pop(), map.pop()]).toEqual([...expected.map(u32), undefined]);
      });
    }
  });

  it('stack-trace: a program stores its kernel stack, and the addresses are read back', () =>
    using(createMap({ type: 'stack-trace', name: 'stacks', valueSize: 8 * 16, maxEntries: 16 }), (map) => {
      const assembler = new Assembler().loadMap('r2', map).mov('r3', 0).call('get_stackid').exit();
      const program = loadProgram({ type: 'raw-tracepoint', name: 'stacks', instructions: assembler.assemble() });
      const id = program.testRun(new Uint8Array(16)) | 0;
      expect(id).toBeGreaterThanOrEqual(0);
      const stack = map.lookup(u32(id));
      // A kernel address has its upper bits set.
      expect(new DataView((stack ?? new Uint8Array(8)).buffer).getBigUint64(0, true) >> 48n).toBe(0xffffn);
      program.close();
    }));

  it('a program reads and writes map memory directly by loadMapValue', () =>
    using(createMap({ type: 'array', name: 'direct', valueSize: 32, maxEntries: 1 }), (map) => {
      const assembler = new Assembler().loadMapValue('r1', map, 24).store('r1', 0, -2, 4).load('r0', 'r1', 0, 2).exit();
      const program = loadProgram({ type: 'raw-tracepoint', name: 'direct', instructions: assembler.assemble() });
      expect(program.testRun(new Uint8Array(8))).toBe(0xfffe);
      expect(map.lookup(u32(0))?.subarray(24)).toEqual(new Uint8Array([254, 255, 255, 255, 0, 0, 0, 0]));
      program.close();
    }));

  it('refuses keys and values of the wrong size, bad sizes of a map, and use after close', () => {
    const map = createMap({ type: 'hash', name: 'sizes', keySize: 8, valueSize: 8, maxEntries: 1 });
    expect(() => map.lookup(u32(1))).toThrow('a key of 4 bytes, 8 expected');
    expect(() => map.update(u64(1), u32(1))).toThrow('a value of 4 bytes, 8 expected');
    map.close();
    map.close();
    expect(() => map.lookup(u64(1))).toThrow(/closed/);
    expect(() => createMap({ type: 'ringbuf', name: 'odd', maxEntries: 5000 })).toThrow(
      /BPF_MAP_CREATE failed for the ringbuf map "odd": EINVAL/,
    );
  });
});
