import { describe, expect, it } from 'vitest';
import { buildFixture, findDelve } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import { inherited, stringOf, withOrigins } from '../../src/dwarf/attributes.js';
import { Attribute, Tag } from '../../src/dwarf/constants.js';
import { Entries } from '../../src/dwarf/entry.js';
import { entryParameters } from '../../src/dwarf/entry-parameters.js';
import { Functions } from '../../src/dwarf/functions.js';
import { agree } from '../../src/dwarf/place-agreement.js';
import { Sections } from '../../src/dwarf/sections.js';
import { Types } from '../../src/dwarf/types.js';
import { readVariable } from '../../src/dwarf/variables.js';
import { openElf } from './elf-sections.js';

interface Census {
  readonly parameters: number;
  /** Those for which the compiler recorded a place at the entry instruction, and it is the one we computed. */
  readonly agreeing: number;
  readonly disagreeing: readonly string[];
  readonly refused: readonly string[];
}

/** Every parameter of every function with code, against the location list entry that covers the function's entry. */
const census = (path: string): Census => {
  const entries = new Entries(new Sections(openElf(path)));
  const [functions, types] = [new Functions(entries), new Types(entries)];
  const [disagreeing, refused]: [string[], string[]] = [[], []];
  let [parameters, agreeing] = [0, 0];
  for (const fn of functions.all()) {
    entries.limit.restart();
    const recorded = new Map(
      [...entries.children(fn.entry)]
        .filter(({ tag }) => tag === Tag.formalParameter)
        .map((entry) => readVariable(types, fn.unit, { entry, depth: 0 }, fn.low))
        .map((variable) => [variable?.name, variable]),
    );
    const name = inherited(withOrigins(entries, fn.entry), stringOf, Attribute.name);
    for (const { name: parameter, role, place, type } of entryParameters(types, fn).value) {
      if (role !== 'parameter') continue;
      parameters += 1;
      const record = recorded.get(parameter);
      if (place.kind === 'absent') refused.push(`${name} ${parameter}`);
      else if (record !== undefined && record.recorded === 'by-instruction' && record.place.kind !== 'absent') {
        if (agree(place, record.place, type.size)) agreeing += 1;
        else disagreeing.push(`${name} ${parameter}`);
      }
    }
  }
  return { parameters, agreeing, disagreeing, refused };
};

describe.skipIf(requirement('go').missing)('arguments at the entry are where the compiler recorded them', () => {
  it.each([
    ['optimised', [], {}],
    ['not optimised', ['-gcflags=all=-N -l'], {}],
    ['for arm64', [], { GOARCH: 'arm64', CGO_ENABLED: '0' }],
    ['with the race detector', ['-race'], { CGO_ENABLED: '1' }],
    ['position independent', ['-buildmode=pie'], {}],
  ])('%s', async (_, flags, env) => {
    const { parameters, agreeing, disagreeing, refused } = census(await buildFixture('variety', { flags, env }));
    expect(disagreeing).toEqual([]);
    expect(agreeing / parameters).toBeGreaterThan(0.95);
    expect(refused).toEqual(['runtime.(*pallocData).findScavengeCandidate max']);
  });
});

describe.skipIf(requirement('delve').missing)('arguments at the entry, in a large program', () => {
  it('agree with the record for all of 20,000 parameters; in one of a thousand it contradicts', () => {
    const { parameters, agreeing, disagreeing, refused } = census(findDelve() ?? '');
    expect(disagreeing).toEqual([]);
    expect(parameters).toBeGreaterThan(20_000);
    expect(agreeing / parameters).toBeGreaterThan(0.93);
    // Where the entry instruction already belongs to an assignment to the parameter.
    expect(refused).toContain('runtime.(*pallocData).findScavengeCandidate max');
    expect(refused.length).toBeLessThan(parameters / 1000);
  });
});
