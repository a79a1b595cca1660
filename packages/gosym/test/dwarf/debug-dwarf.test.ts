import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { buildFixture, findDelve } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { inherited, stringOf, withOrigins } from '../../src/dwarf/attributes.js';
import { Attribute, GoKind, Tag } from '../../src/dwarf/constants.js';
import { Entries } from '../../src/dwarf/entry.js';
import { Functions } from '../../src/dwarf/functions.js';
import { Sections } from '../../src/dwarf/sections.js';
import { Types } from '../../src/dwarf/types.js';
import { readVariable } from '../../src/dwarf/variables.js';
import { openElf } from './elf-sections.js';

const sources = fileURLToPath(new URL('truth', import.meta.url));

/** Lines of truth/main.go, which says what they hold. */
const truth = async (path: string): Promise<readonly string[]> => {
  const env = { GOFLAGS: '-mod=mod', GOWORK: 'off', GOTOOLCHAIN: 'local' };
  const { stdout } = await execa('go', ['run', '.', path], { cwd: sources, env, maxBuffer: 1 << 28 });
  return stdout.split('\n');
};

/** The same lines from our reader. Structs are those that types of parameters lead to. */
const ours = (path: string): { readonly functions: readonly string[]; readonly structs: ReadonlySet<string> } => {
  const entries = new Entries(new Sections(openElf(path)));
  const [all, types] = [new Functions(entries), new Types(entries)];
  const functions: string[] = [];
  for (const { unit, entry, low, high } of all.all()) {
    entries.limit.restart();
    const parameters = [...entries.children(entry)].flatMap((child) => {
      if (child.tag !== Tag.formalParameter) return [];
      const variable = readVariable(types, unit, { entry: child, depth: 0 }, low);
      return [`${variable?.role === 'result' ? '!' : ''}${variable?.name}=${variable?.type.name}`];
    });
    const name = inherited(withOrigins(entries, entry), stringOf, Attribute.name);
    functions.push(`F\t${name}\t${low}\t${high}\t${parameters.join()}`);
  }
  return { functions, structs: structLines(entries, types) };
};

const structLines = (entries: Entries, types: Types): ReadonlySet<string> => {
  const structs = new Set<string>();
  for (const unit of entries.units.list) {
    const root = entries.read(unit, unit.root);
    for (const entry of root === undefined ? [] : entries.children(root)) {
      if (entry.tag !== Tag.structureType || entry.attributes.get(Attribute.goKind)?.value !== GoKind.struct) continue;
      const type = types.at(entry.offset);
      if (type.kind !== 'struct') continue;
      const fields = type.fields.map(
        (field) => `${field.embedded ? '^' : ''}${field.name}@${field.offset}=${field.type.name}`,
      );
      structs.add(`S\t${type.name}\t${type.size}\t${fields.join()}`);
    }
  }
  return structs;
};

const compare = async (path: string, atLeast: number): Promise<void> => {
  const [theirs, mine] = [await truth(path), ours(path)];
  const functions = theirs.filter((line) => line.startsWith('F\t')).sort();
  expect(functions.length).toBeGreaterThan(atLeast);
  expect([...mine.functions].sort()).toEqual(functions);
  const structs = new Set(theirs.filter((line) => line.startsWith('S\t')));
  expect(mine.structs.size).toBeGreaterThan(atLeast / 20);
  expect([...mine.structs].filter((line) => !structs.has(line))).toEqual([]);
};

describe.skipIf(requirement('go').missing)('functions, parameters and structs are those of debug/dwarf', () => {
  it.each([
    ['DWARF 5', [], {}],
    ['DWARF 5, not optimised', ['-gcflags=all=-N -l'], {}],
    ['DWARF 4', [], { GOEXPERIMENT: 'nodwarf5' }],
    ['big-endian', [], { GOARCH: 's390x', CGO_ENABLED: '0' }],
    ['32-bit', [], { GOARCH: '386', CGO_ENABLED: '0' }],
  ])('%s', async (_, flags, env) => {
    await compare(await buildFixture('places', { flags, env }), 1500);
  });

  it.skipIf(requirement('delve').missing)('in a large program', async () => {
    await compare(findDelve() ?? '', 10_000);
  });
});
