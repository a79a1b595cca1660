/** What `explain --no-sites` and `lines` are made of. */
import { describe, expect, it } from 'vitest';
import { explainFunction, functionLines, hex, type Place, placeText, virtualAddress } from '../src/index.js';
import { openStored, truthOf } from './binaries.js';

const binary = openStored('debug-1.26.8');

describe('explainFunction', () => {
  it('has the contract of the command', () => {
    const [found, ...more] = explainFunction(binary, 'main.walk');
    const truth = truthOf('debug-1.26.8').find(({ name }) => name === 'main.walk');
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      function: 'main.walk',
      goVersion: 'go1.26.8',
      buildId: binary.buildIds.gnu,
      entry: hex(truth?.entry ?? 0),
      size: truth?.size,
      line: truth?.declared,
      inlined: [],
      problems: [],
    });
    expect(found?.params.map(({ name, type }) => `${name} ${type}`)).toEqual(['w main.walker', 'steps int']);
    // ABIInternal: the interface takes rax and rbx, the integer rcx (Go, src/cmd/compile/abi-internal.md).
    expect(found?.params.map(({ place }) => place)).toEqual(['rax,rbx', 'rcx']);
  });

  it('says that a function exists as copies only', () => {
    const [found] = explainFunction(binary, 'main.double');
    expect(found).toMatchObject({ entry: null, size: null, offset: null, params: [] });
    expect(found?.inlined).toHaveLength(1);
    expect(found?.problems.map(({ code }) => code)).toEqual(['inlined-everywhere']);
  });

  it('warns of copies beside the function', () => {
    const name = [...binary.inlinedCopies().keys()].find((callee) => binary.functionsNamed(callee).length === 1) ?? '';
    expect(explainFunction(binary, name)[0]?.problems.map(({ code }) => code)).toContain('partly-inlined');
  });

  it('has nothing to say of a name that does not exist', () => {
    expect(explainFunction(binary, 'main.absent')).toEqual([]);
  });

  it('says that variables are unknown in a stripped program', () => {
    const [found] = explainFunction(openStored('plain-1.26.8-amd64'), 'main.walk');
    expect(found?.params).toEqual([]);
    expect(found?.problems.map(({ code }) => code)).toEqual(['no-dwarf', 'argument-registers']);
  });

  it('names the registers in which arguments arrive all the same, in the order that a program with DWARF shows', () => {
    const [found] = explainFunction(openStored('plain-1.26.8-amd64'), 'main.walk');
    const said = found?.problems.find(({ code }) => code === 'argument-registers')?.message ?? '';
    const places = explainFunction(binary, 'main.walk').flatMap(({ params }) => params.map(({ place }) => place));
    const registers = places.flatMap((place) => place.split(',')).filter((place) => /^r\w+$/.test(place));
    expect(registers.length).toBeGreaterThan(0);
    expect(said).toContain(`in ${registers.join(', ')}`);
  });

  it('says nothing of registers where there are none to speak of', () => {
    const codes = (stored: string): (string | undefined)[] =>
      explainFunction(openStored(stored), 'main.walk').flatMap(({ problems }) => problems.map(({ code }) => code));
    expect(codes('plain-1.26.8-386')).not.toContain('argument-registers');
    expect(codes('plain-1.16.15-amd64')).not.toContain('argument-registers');
  });

  it('can be written as JSON', () => {
    const again = JSON.parse(JSON.stringify(explainFunction(binary, 'main.walk')));
    expect(again).toEqual(explainFunction(binary, 'main.walk'));
  });
});

describe('functionLines', () => {
  it('covers a function from its entry, in address order, with what was inlined', () => {
    const [main] = binary.functionsNamed('main.main');
    if (main === undefined) throw new Error('main.main is missing');
    const lines = functionLines(binary, main);
    expect(lines[0]).toMatchObject({ line: 38, address: hex(main.entry), offset: hex(binary.offsetOf(main.entry)) });
    const addresses = lines.map(({ address }) => Number(address));
    expect(addresses).toEqual([...addresses].sort((a, b) => a - b));
    expect(lines.some(({ inlined }) => inlined.includes('main.quadruple'))).toBe(true);
  });

  it('agrees with addressesOf in both directions', () => {
    for (const fn of binary.functionsMatching(/^main\./)) {
      for (const run of binary.linesOf(fn)) {
        const [innermost] = run.chain;
        if (innermost === undefined || innermost.line < 1) continue;
        const there = binary.addressesOf(innermost.file, innermost.line);
        expect(there.map(({ address }) => address)).toContain(run.address);
        expect(binary.positionsAt(run.address)).toEqual(run.chain);
      }
    }
  });
});

describe('addressesOf', () => {
  it('matches whole trailing elements of the path', () => {
    const all = binary.addressesOf('runtime/proc.go', 150);
    expect(all.length).toBeGreaterThan(0);
    expect(binary.addressesOf('proc.go', 150)).toEqual(all);
    expect(binary.addressesOf('./runtime/proc.go', 150)).toEqual(all);
    expect(binary.addressesOf('roc.go', 150)).toEqual([]);
    expect(binary.addressesOf('time/proc.go', 150)).toEqual([]);
    expect(binary.addressesOf('', 150)).toEqual([]);
    expect(binary.addressesOf('proc.go', 0)).toEqual([]);
    expect(binary.addressesOf('proc.go', 10_000_000)).toEqual([]);
  });
});

describe('a stripped program', () => {
  it('answers as the one it was made from', () => {
    const stripped = openStored('plain-1.26.8-amd64');
    expect([...stripped.functions()]).toEqual([...binary.functions()]);
    expect(stripped.inlinedCopies()).toEqual(binary.inlinedCopies());
    for (const fn of binary.functions())
      if (fn.index % 20 === 0) expect(stripped.linesOf(fn)).toEqual(binary.linesOf(fn));
    expect(stripped.runtime.goid).toBe(binary.runtime.goid);
    expect(stripped.buildInfo).toEqual(binary.buildInfo);
  });
});

describe('placeText', () => {
  const rax: Place = { kind: 'register', register: 'rax' };
  const cases: readonly [string, Place][] = [
    ['rax', rax],
    ['[cfa+8]', { kind: 'memory', base: 'cfa', offset: 8 }],
    ['[rsp-16]', { kind: 'memory', base: 'rsp', offset: -16 }],
    ['[0x1000]', { kind: 'absolute', address: virtualAddress(0x1000) }],
    ['[[cfa-16]]', { kind: 'indirect', pointer: { kind: 'memory', base: 'cfa', offset: -16 } }],
    ['42', { kind: 'constant', value: 42n }],
    ['absent: optimised away', { kind: 'absent', reason: 'optimised away' }],
    [
      'rax,absent',
      {
        kind: 'pieces',
        pieces: [
          { offset: 0, size: 8, place: rax },
          { offset: 8, size: 8, place: undefined },
        ],
      },
    ],
  ];

  it.each(cases)('%s', (text, place) => {
    expect(placeText(place)).toBe(text);
  });
});
