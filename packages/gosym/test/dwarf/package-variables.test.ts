import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { buildFixture } from '../../../../test/fixture-build.js';
import { findProgram, requirement } from '../../../../test/requirements.js';
import { openDwarf } from '../../src/dwarf/open.js';
import { openGoBinary } from '../../src/index.js';
import { virtualAddress } from '../../src/units.js';
import { openElf } from './elf-sections.js';

const NAMES = [
  ...['main.limit', 'main.greeting', 'main.table', 'main.chain', 'main.ErrFull'],
  ...['os.Args', 'io.EOF', 'runtime.allgs', 'runtime.sched', 'runtime.buildVersion', 'runtime.firstmoduledata'],
];

const symbols = (path: string): ReadonlyMap<string, number> => {
  const text = execFileSync('go', ['tool', 'nm', path], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const rows = text.split('\n').map((line) => /^ *([0-9a-f]+) [DBRdbr] (.*)$/.exec(line));
  return new Map(rows.flatMap((row) => (row?.[2] ? [[row[2], Number.parseInt(row[1] ?? '', 16)]] : [])));
};

describe.skipIf(requirement('go').missing)('package variables', () => {
  it.each([
    ['DWARF 5', [], {}],
    ['DWARF 4', [], { GOEXPERIMENT: 'nodwarf5' }],
    ['uncompressed', ['-ldflags=-compressdwarf=false'], {}],
    ['position independent', ['-buildmode=pie'], {}],
    ['32-bit', [], { GOARCH: '386' }],
    ['big-endian', [], { GOARCH: 's390x' }],
  ])('are where the symbol table has them (%s)', async (_, flags, env) => {
    const path = await buildFixture('places', { flags, env: { CGO_ENABLED: '0', ...env } });
    const dwarf = openDwarf(openElf(path));
    const truth = symbols(path);
    for (const name of NAMES) {
      const found = dwarf?.packageVariable(name);
      expect([name, found?.place]).toEqual([name, { kind: 'absolute', address: truth.get(name) }]);
    }
    expect(NAMES.map((name) => dwarf?.packageVariable(name)?.type.kind)).toEqual([
      ...['int', 'string', 'map', 'pointer', 'interface', 'slice', 'interface', 'slice', 'struct', 'string', 'struct'],
    ]);
    expect(dwarf?.goidOffset()).toBe({ GOARCH: 'amd64', ...env }.GOARCH === '386' ? 80 : 152);
  });

  it.each([
    ['fixed', []],
    ['position independent', ['-buildmode=pie']],
  ])('types have the descriptors that the linker made (%s)', async (_, flags) => {
    const path = await buildFixture('places', { flags: [...flags, '-ldflags=-compressdwarf=false'] });
    const binary = await openGoBinary(path);
    const names = ['int', 'string', '*errors.errorString', 'syscall.Errno', 'runtime.plainError', '*io/fs.PathError'];
    const found = names.map((name) => binary.namedType(name)?.descriptor ?? virtualAddress(0));
    // The runtime's own names of what is there: a reading independent of DWARF.
    expect(found.map((address) => binary.typeNameAt(address))).toEqual([...names.slice(0, 5), '*fs.PathError']);
    binary.close();
  });

  it('have named types, embedded fields and constants', async () => {
    const dwarf = openDwarf(openElf(await buildFixture('places')));
    const chain = dwarf?.packageVariable('main.chain')?.type;
    expect(chain?.name).toBe('*main.node');
    const node = chain?.kind === 'pointer' ? chain.target() : undefined;
    expect(node).toMatchObject({ kind: 'struct', name: 'main.node', fields: [{ name: 'next' }, { name: 'value' }] });
    const next = node?.kind === 'struct' ? node.fields[0]?.type : undefined;
    expect(next?.kind === 'pointer' ? next.target() : undefined).toBe(node);
    const table = dwarf?.packageVariable('main.table')?.type;
    expect(table?.kind === 'map' ? [table.key().name, table.element().name] : []).toEqual(['string', '[]int']);
    expect(dwarf?.packageVariable('main.high')).toMatchObject({
      type: { kind: 'int', name: 'main.level', size: 1 },
      place: { kind: 'constant', value: 7n },
    });
    expect(dwarf?.packageVariable('main.low')?.place).toEqual({ kind: 'constant', value: -1n });
    expect(dwarf?.typeNamed('main.level')).toMatchObject({ type: { kind: 'int', name: 'main.level', size: 1 } });
    expect(dwarf?.typeNamed('main.node')?.type).toMatchObject({ kind: 'struct', fields: [{ name: 'next' }, {}] });
    expect(dwarf?.typeNamed('*main.node')?.type).toMatchObject({ kind: 'pointer', name: '*main.node' });
    expect(dwarf?.typeNamed('main.greeting')).toBeUndefined();
    expect(dwarf?.packagesCalled('utf8')).toEqual(['unicode/utf8']);
    expect(dwarf?.packagesCalled('main')).toEqual(['main']);
    expect(dwarf?.packageVariable('main.missing')).toBeUndefined();
    expect(dwarf?.packageVariable('main.node')).toBeUndefined();
  });
});

describe.skipIf(requirement('go').missing || findProgram('gcc') === undefined)('a program with C in it', () => {
  it('has its Go variables, and says that C code has none', async () => {
    const path = await buildFixture('withc', { env: { CGO_ENABLED: '1', CGO_CFLAGS: '-g -O2' } });
    const dwarf = openDwarf(openElf(path));
    const nm = execFileSync('go', ['tool', 'nm', path], { encoding: 'utf8', maxBuffer: 1 << 28 });
    const addressOf = (name: string) =>
      virtualAddress(Number.parseInt(new RegExp(`^ *([0-9a-f]+) [Tt] ${name}$`, 'm').exec(nm)?.[1] ?? '', 16));
    const sum = dwarf?.parametersAtEntry({ entry: addressOf('main\\.sum'), size: 0, name: 'main.sum' });
    expect(sum?.value.slice(0, 2)).toMatchObject([
      { name: 'first', type: { name: '*main._Ctype_struct_reading' }, place: { register: 'rax' } },
      { name: 'factor', place: { register: 'rbx' } },
    ]);
    const weigh = addressOf('weigh');
    expect(dwarf?.variablesAt(weigh)).toMatchObject({ value: [], problems: [{ code: 'no-dwarf-here' }] });
    expect(dwarf?.cfaAt(weigh)).toBeUndefined();
    expect(dwarf?.inlinedSubroutinesAt(weigh)).toEqual([]);
  });
});
