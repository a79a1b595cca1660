/** Inline trees without a call instruction: initialisers that the compiler has made of inlined calls alone. */
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { buildFixture } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { listFunctions, openGoBinary } from '../src/index.js';
import { virtualAddress } from '../src/units.js';

describe.skipIf(requirement('go').missing)('an initialiser of inlined calls alone', () => {
  it('is read, with the places that the tables name and none for the calls', async () => {
    const path = await buildFixture('constants');
    const binary = await openGoBinary(path);
    const [init] = binary.functionsNamed('main.init');
    if (init === undefined) throw new Error('the compiler made no initialiser');
    const entry = init.entry.toString(16);
    const { stdout } = await execa('go', ['tool', 'addr2line', path], { input: `0x${entry}\n` });
    const [name, place] = stdout.split('\n');
    expect(name).toBe('main.init');
    const chain = binary.positionsAt(virtualAddress(init.entry));
    expect(`${chain[0]?.file}:${chain[0]?.line}`).toBe(place);
    expect(chain.map((at) => at.function)).toEqual(expect.arrayContaining(['main.number', 'main.init']));
    // A compiler that says where the calls are is believed.
    expect(chain.at(-1)).toMatchObject({
      function: 'main.init',
      line: expect.toSatisfy((line) => line === 0 || line > 28),
    });
    const copies = [...binary.inlinedCopies().values()].flat().filter((copy) => copy.host.name === 'main.init');
    expect(copies.map(({ callee }) => callee)).toEqual(expect.arrayContaining(['main.key.of', 'main.number']));
    const listing: string[] = [];
    listFunctions(binary, { inlined: true, match: /^main\.number$/ }, (bytes) => {
      listing.push(Buffer.from(bytes).toString());
    });
    expect(listing.join('')).toMatch(/^\tinlined into main\.init\t(-|at \S+main\.go:\d+)$/m);
    expect(`${init.file}:${init.line}`).toMatch(/main\.go:\d+$/);
  });
});
