import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import {
  Assembler,
  attachRawTracepoint,
  attachTypeNames,
  type BpfMap,
  createMap,
  flagNames,
  type Link,
  linkInfo,
  linkTypeNames,
  loadProgram,
  mapInfo,
  mapTypeNames,
  nameOf,
  type Program,
  programFlagNames,
  programInfo,
  programTypeNames,
  summarizeVerifierLog,
  translatedInstructions,
  VerifierError,
} from '../src/index.js';

const bpftool = (...args: readonly string[]): string => {
  const run = spawnSync(findProgram('bpftool') ?? '', args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout;
};

describe.skipIf(requirement('kernel', 'bpftool').missing)('what the kernel says of its objects', () => {
  let map: BpfMap;
  let program: Program;
  let link: Link;

  beforeAll(() => {
    map = createMap({ type: 'hash', name: 'objects', valueSize: 24, maxEntries: 7, flags: 1 });
    const instructions = new Assembler()
      .store('r10', -4, 1, 4)
      .loadMap('r1', map)
      .mov('r2', 'r10')
      .add('r2', -4)
      .call('map_lookup_elem')
      .mov('r0', 0)
      .exit()
      .assemble();
    program = loadProgram({ type: 'raw-tracepoint', name: 'informer', instructions });
    link = attachRawTracepoint({ program, name: 'sched_process_exit' });
  });
  afterAll(() => {
    link.close();
    program.close();
    map.close();
  });

  it('is what bpftool prints of a program', () => {
    const truth = JSON.parse(bpftool('-j', 'prog', 'show', 'id', `${program.id}`));
    const info = programInfo(program.id);
    expect(info).toMatchObject({
      id: truth.id,
      type: truth.type,
      tag: truth.tag,
      name: truth.name,
      uid: truth.uid,
      gplCompatible: truth.gpl_compatible,
      translatedBytes: truth.bytes_xlated,
      jitedBytes: truth.jited ? truth.bytes_jited : 0,
      mapIds: truth.map_ids,
    });
    const opcodes = JSON.parse(bpftool('-j', 'prog', 'dump', 'xlated', 'id', `${program.id}`, 'opcodes'));
    const shown = opcodes.flatMap((each: { opcodes: { code: string } }) => Number(each.opcodes.code));
    const code = translatedInstructions(program.id) ?? new Uint8Array(0);
    // bpftool shows the two slots of a wide load as one.
    const found: number[] = [];
    for (let at = 0; at < code.length; at += code[at] === 0x18 ? 16 : 8) found.push(code[at] ?? 0);
    expect(found).toEqual(shown);
  });

  it('is what bpftool prints of a map and a link', () => {
    const truth = JSON.parse(bpftool('-j', 'map', 'show', 'id', String(programInfo(program.id)?.mapIds[0])));
    expect(mapInfo(truth.id)).toMatchObject({
      type: truth.type,
      name: truth.name,
      keySize: truth.bytes_key,
      valueSize: truth.bytes_value,
      maxEntries: truth.max_entries,
      flags: truth.flags,
    });
    const links = JSON.parse(bpftool('-j', 'link', 'show'));
    const mine = links.find((each: { prog_id: number }) => each.prog_id === program.id);
    expect(linkInfo(mine.id)).toEqual({ id: mine.id, type: mine.type, programId: program.id });
  });

  it('is nothing for what is gone', () => {
    const brief = loadProgram({
      type: 'socket-filter',
      name: 'brief',
      instructions: new Assembler().mov('r0', 0).exit().assemble(),
    });
    const { id } = brief;
    brief.close();
    // The kernel gives an id back at once, and hands it out again only after 2^31 others.
    expect([programInfo(id), translatedInstructions(id)]).toEqual([undefined, undefined]);
    // Above what the kernel gives out.
    expect([mapInfo(2 ** 31 - 1), linkInfo(2 ** 31 - 1)]).toEqual([undefined, undefined]);
  });

  it("names kinds as this kernel's types do", () => {
    const types = bpftool('btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'c');
    const truth = (name: string, prefix: string): readonly (readonly [string, number])[] => {
      const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(types)?.[1] ?? '';
      return [...body.matchAll(new RegExp(`\\b${prefix}(\\w+) = (\\d+)`, 'g'))]
        .filter(([, word]) => !/^_?_?MAX_|_MAX$/.test(word ?? ''))
        .map(([, word, number]) => [(word ?? '').toLowerCase(), Number(number)]);
    };
    const table = (names: readonly string[]) => new Map(names.map((name, number) => [number, name]));
    const compare = (found: readonly (readonly [string, number])[], known: ReadonlyMap<number, string>): void => {
      expect(found.length).toBeGreaterThan(10);
      for (const [name, number] of found) {
        const said = known.get(number);
        // A newer kernel has more, and a few numbers have an old and a new name.
        if (said !== undefined && !found.some(([other, same]) => same === number && other === said))
          expect(`${number} ${said}`).toBe(`${number} ${name}`);
      }
    };
    compare(truth('bpf_prog_type', 'BPF_PROG_TYPE_'), table(programTypeNames));
    compare(truth('bpf_map_type', 'BPF_MAP_TYPE_'), table(mapTypeNames));
    compare(truth('bpf_link_type', 'BPF_LINK_TYPE_'), table(linkTypeNames));
    compare(truth('bpf_attach_type', 'BPF_'), table(attachTypeNames));
  });

  it('names what it does not know by number', () => {
    expect(nameOf(programTypeNames, 999)).toBe('type 999');
    expect(flagNames(programFlagNames, 0x80000011)).toEqual(['strict_alignment', 'sleepable', 'bit 31']);
  });

  it('tells the way to the refused instruction, also through branches that were tried in vain', () => {
    const instructions = new Assembler()
      .call('get_prandom_u32') // 0
      .jumpIf('r0', '==', 0, 'zero') // 1
      .mov('r6', 1) // 2
      .jump('joined') // 3
      .label('zero')
      .mov('r6', 0) // 4
      .label('joined')
      .jumpIf('r6', '==', 0, 'wrong') // 5
      .mov('r0', 0) // 6
      .exit() // 7
      .label('wrong')
      .mov('r0', 'r5') // 8: r5 is lost since the call
      .exit()
      .assemble();
    const load = (): Program => loadProgram({ type: 'socket-filter', name: 'wayward', instructions });
    expect(load).toThrow(VerifierError);
    try {
      load();
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
      const summary = summarizeVerifierLog(error.log);
      expect(summary.path.map(({ from, to }) => [from, to])).toEqual([
        [0, 1],
        [4, 5],
        [8, 8],
      ]);
      expect(summary.way).toBe('0-1 (if r0 == 0x0 goto pc+2), then 4-5 (if r6 == 0x0 goto pc+2), then 8');
    }
  });
});
