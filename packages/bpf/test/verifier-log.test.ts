import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import {
  Assembler,
  type BpfMap,
  createMap,
  loadProgram,
  type ProgramOptions,
  type RefusalKind,
  summarizeVerifierLog,
  VerifierError,
  type VerifierSummary,
} from '../src/index.js';

interface Refused {
  readonly kind: RefusalKind;
  readonly slot?: number;
  readonly build: (maps: Maps) => Assembler;
  readonly options?: Partial<ProgramOptions>;
  readonly type?: ProgramOptions['type'];
  /** A register or slot, and what the verifier must have known of it. */
  readonly state?: readonly [string, RegExp];
}

interface Maps {
  readonly ring: BpfMap;
  readonly hash: BpfMap;
}

const program = (): Assembler => new Assembler();

const reserve = (ring: BpfMap): Assembler =>
  program().loadMap('r1', ring).mov('r2', 16).mov('r3', 0).call('ringbuf_reserve');

const lookup = (hash: BpfMap): Assembler =>
  program().store('r10', -8, 0).loadMap('r1', hash).mov('r2', 'r10').add('r2', -8).call('map_lookup_elem');

/** Programs that the verifier of this machine refuses, by what is wrong with them. */
const refused: Readonly<Record<string, Refused>> = {
  'a register that nobody set': {
    kind: 'uninitialized-register',
    slot: 1,
    build: () => program().mov('r6', 3).mov('r0', 'r5').exit(),
    state: ['R6', /^3$/],
  },
  'no result at the exit': { kind: 'uninitialized-register', slot: 0, build: () => program().exit() },
  'an argument register after a call': {
    kind: 'uninitialized-register',
    slot: 2,
    build: () => program().mov('r1', 1).call('ktime_get_ns').mov('r0', 'r1').exit(),
  },
  'a value that may be null': {
    kind: 'maybe-null',
    slot: 6,
    build: ({ hash }) => lookup(hash).load('r0', 'r0', 0).exit(),
    state: ['R0', /^map_value_or_null\(/],
  },
  'a record that may be null': {
    kind: 'maybe-null',
    slot: 5,
    build: ({ ring }) => reserve(ring).store('r0', 0, 1).mov('r0', 0).exit(),
    state: ['R0', /^ringbuf_mem_or_null\(.*sz=16\)$/],
  },
  'a record used after its submit': {
    kind: 'not-a-pointer',
    slot: 10,
    build: ({ ring }) =>
      reserve(ring)
        .jumpIf('r0', '==', 0, 'out')
        .mov('r6', 'r0')
        .mov('r1', 'r0')
        .mov('r2', 0)
        .call('ringbuf_submit')
        .store('r6', 0, 1)
        .label('out')
        .mov('r0', 0)
        .exit(),
  },
  'a number used as a pointer': {
    kind: 'not-a-pointer',
    slot: 1,
    build: () => program().mov('r2', 4096).load('r0', 'r2', 0).exit(),
    state: ['R2', /^(4096|0x1000)$/],
  },
  'a read behind a value': {
    kind: 'value-bounds',
    slot: 7,
    build: ({ hash }) =>
      lookup(hash).jumpIf('r0', '==', 0, 'out').load('r1', 'r0', 12).label('out').mov('r0', 0).exit(),
    state: ['R0', /^map_value\(.*vs=16\)$/],
  },
  'an offset without a bound': {
    kind: 'unbounded-offset',
    slot: 9,
    build: ({ hash }) =>
      program()
        .load('r6', 'r1', 0)
        .store('r10', -8, 0)
        .loadMap('r1', hash)
        .mov('r2', 'r10')
        .add('r2', -8)
        .call('map_lookup_elem')
        .jumpIf('r0', '==', 0, 'out')
        .mov('r7', 1)
        .add('r0', 'r6')
        .load('r1', 'r0', 0)
        .label('out')
        .mov('r0', 0)
        .exit(),
    state: ['R6', /^scalar\(/],
  },
  'a size that may be negative': {
    kind: 'unbounded-offset',
    slot: 4,
    build: () =>
      program()
        .load('r2', 'r1', 0)
        .mov('r3', 0)
        .mov('r1', 'r10')
        .add('r1', -8)
        .call('probe_read_user')
        .mov('r0', 0)
        .exit(),
    state: ['R1', /^fp-8$/],
  },
  'a store below the stack': {
    kind: 'stack-bounds',
    slot: 0,
    build: () => program().store('r10', -520, 0).mov('r0', 0).exit(),
  },
  'a store across the stack’s alignment': {
    kind: 'misaligned',
    slot: 0,
    build: () => program().store('r10', -9, 0).mov('r0', 0).exit(),
  },
  'a read behind the context': {
    kind: 'context-access',
    slot: 0,
    build: () => program().load('r0', 'r1', 4000).exit(),
    state: ['R1', /^ctx\(/],
  },
  'a write to the context': {
    kind: 'context-access',
    slot: 0,
    build: () => program().store('r1', 0, 0).mov('r0', 0).exit(),
  },
  'a record that is never submitted': {
    kind: 'leaked-reference',
    slot: 6,
    build: ({ ring }) => reserve(ring).mov('r0', 0).exit(),
  },
  'a record’s size that is not constant': {
    kind: 'not-constant',
    slot: 4,
    build: ({ ring }) => program().load('r2', 'r1', 0).loadMap('r1', ring).mov('r3', 0).call('ringbuf_reserve').exit(),
  },
  'a helper that no kernel has': { kind: 'unknown-helper', slot: 0, build: () => program().call(9999).exit() },
  'a helper of other programs': {
    kind: 'helper-not-allowed',
    slot: 0,
    build: () => program().call('skb_store_bytes').exit(),
  },
  'an argument of the wrong kind': {
    kind: 'helper-argument',
    slot: 4,
    build: () =>
      program()
        .mov('r1', 5)
        .mov('r2', 'r10')
        .add('r2', -8)
        .store('r10', -8, 0)
        .call('map_lookup_elem')
        .mov('r0', 0)
        .exit(),
    state: ['fp-8', /^0$/],
  },
  'a sleeping helper in a program that may not sleep': {
    kind: 'sleeping',
    slot: 4,
    build: () =>
      program().mov('r1', 'r10').add('r1', -8).mov('r2', 8).mov('r3', 0).call('copy_from_user').mov('r0', 0).exit(),
  },
  'a sleepable tracepoint program': {
    kind: 'sleeping',
    build: () => program().mov('r0', 0).exit(),
    options: { sleepable: true },
    type: 'tracepoint',
  },
  'a GPL helper without the GPL': {
    kind: 'license',
    slot: 0,
    build: () => program().call('get_current_task').exit(),
    options: { license: 'Proprietary' },
  },
  'a multiplied pointer': {
    kind: 'pointer-arithmetic',
    slot: 1,
    build: () => program().mov('r2', 'r1').mul('r2', 4).mov('r0', 0).exit(),
    state: ['R2', /^ctx\(/],
  },
  'a write to the frame pointer': {
    kind: 'read-only-register',
    slot: 0,
    build: () =>
      program()
        .raw(Uint8Array.of(0xb7, 10, 0, 0, 0, 0, 0, 0))
        .mov('r0', 0)
        .exit(),
  },
  'an opcode that does not exist': {
    kind: 'bad-encoding',
    build: () =>
      program()
        .raw(Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0))
        .mov('r0', 0)
        .exit(),
  },
  'a jump out of the program': {
    kind: 'control-flow',
    slot: 0,
    build: () =>
      program()
        .raw(Uint8Array.of(0x05, 0, 100, 0, 0, 0, 0, 0))
        .mov('r0', 0)
        .exit(),
  },
  'an instruction that nothing reaches': {
    kind: 'control-flow',
    slot: 2,
    build: () => program().mov('r0', 0).exit().mov('r0', 1).exit(),
  },
  'an end without exit': { kind: 'control-flow', build: () => program().mov('r0', 0) },
  'a descriptor that is no map': { kind: 'bad-map', build: () => program().loadMap('r1', 99_999).mov('r0', 0).exit() },
  'an endless loop': {
    kind: 'endless-loop',
    build: () => program().mov('r0', 0).label('again').jumpIf('r0', '==', 0, 'again').exit(),
  },
  'too many steps': {
    kind: 'too-complex',
    build: () =>
      program().mov('r6', 0).label('again').add('r6', 1).jumpIf('r6', '<', 2_000_000, 'again').mov('r0', 0).exit(),
  },
  'calls nested too deep': {
    kind: 'stack-depth',
    build: () => {
      const nest = program();
      for (let depth = 0; depth < 9; depth++)
        nest
          .label(`f${depth}`)
          .callLocal(`f${depth + 1}`)
          .mov('r0', 0)
          .exit();
      return nest.label('f9').mov('r0', 0).exit();
    },
  },
};

describe.skipIf(requirement('kernel').missing)('verifier log of real refusals', () => {
  let maps: Maps;
  beforeAll(() => {
    maps = {
      ring: createMap({ type: 'ringbuf', name: 'ring', maxEntries: 65_536 }),
      hash: createMap({ type: 'hash', name: 'hash', keySize: 8, valueSize: 16, maxEntries: 4 }),
    };
  });
  afterAll(() => {
    maps.ring.close();
    maps.hash.close();
  });

  const refuse = ({ build, options, type }: Refused): VerifierSummary => {
    try {
      const instructions = build(maps).assemble();
      loadProgram({ type: type ?? 'kprobe', name: 'refused', instructions, ...options }).close();
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
      expect(error.log).not.toBe('');
      expect(error.message).toContain(error.summary.reason);
      return error.summary;
    }
    throw new Error('the verifier accepted it');
  };

  it.each(Object.entries(refused))('%s', (_, wrong) => {
    const summary = refuse(wrong);
    expect([summary.kind, summary.reason]).toEqual([wrong.kind, summary.reason]);
    expect(summary.advice).toBeDefined();
    expect(summary.reason).not.toMatch(/^processed/);
    expect(summary.tail.at(-1)).toMatch(/^processed \d+ insns/);
    if (wrong.slot !== undefined) expect(summary.slot).toBe(wrong.slot);
    if (wrong.state !== undefined) expect(summary.state.get(wrong.state[0])).toMatch(wrong.state[1]);
  });

  it('names the instruction as the verifier printed it, and not its comment', () => {
    const summary = refuse({ kind: 'other', build: ({ hash }) => lookup(hash).load('r0', 'r0', 0).exit() });
    expect(summary.instruction).toBe('r0 = *(u64 *)(r0 +0)');
    expect(summary.message).toMatch(/^instruction 6 "r0 = \*\(u64 \*\)\(r0 \+0\)": R0 invalid mem access/);
  });
});

describe('verifier log of older kernels', () => {
  it('reads the state as Linux 5.10 writes it', () => {
    const summary = summarizeVerifierLog(
      [
        'func#0 @0',
        '0: R1=ctx(id=0,off=0,imm=0) R10=fp0',
        '0: (b7) r2 = 8',
        '1: R1=ctx(id=0,off=0,imm=0) R2_w=invP8 R10=fp0',
        '1: (79) r0 = *(u64 *)(r2 +0)',
        "R2 invalid mem access 'inv'",
        'processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
        '',
      ].join('\n'),
    );
    expect(summary.kind).toBe('not-a-pointer');
    expect(summary.slot).toBe(1);
    expect([...summary.state]).toEqual([
      ['R1', 'ctx(id=0,off=0,imm=0)'],
      ['R2', 'invP8'],
      ['R10', 'fp0'],
    ]);
  });

  it.each([
    // Linux 5.10: the helper is there, for other programs.
    { words: 'unknown func bpf_probe_write_user#36', kind: 'helper-not-allowed' },
    { words: "R0 invalid mem access 'inv'", kind: 'not-a-pointer' },
    { words: 'cannot call GPL only function from proprietary program', kind: 'license' },
    // Words of one check in the sentence of another.
    { words: 'combined stack size of 2 calls is 544. Too large', kind: 'stack-depth' },
    { words: 'R0 pointer arithmetic on map_value_or_null prohibited, null-check it first', kind: 'maybe-null' },
    { words: 'invalid access to packet, off=0 size=4, R1(id=0,off=0,r=0)', kind: 'packet-bounds' },
    { words: 'map has to have BTF in order to use bpf_spin_lock', kind: 'lock' },
  ])('knows "$words"', ({ words, kind }) => {
    const summary = summarizeVerifierLog(`0: (85) call bpf_probe_write_user#36\n${words}\nprocessed 1 insns\n`);
    expect([summary.kind, summary.reason, summary.slot]).toEqual([kind, words, 0]);
  });

  it('passes on what it does not know', () => {
    const summary = summarizeVerifierLog('something entirely new\n');
    expect([summary.kind, summary.reason, summary.slot]).toEqual(['other', 'something entirely new', undefined]);
    expect(summarizeVerifierLog('').reason).toBe('');
  });
});
