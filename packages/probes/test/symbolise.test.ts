/** Stacks as people read them: what follows Go's frames in a chain of frame pointers may be no frame at all. */
import { hex, openGoBinary } from '@probelens/gosym';
import { describe, expect, it } from 'vitest';
import { buildFixture } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { symboliseStack } from '../src/trace/symbolise.js';

describe.skipIf(requirement('go').missing)('a stack', () => {
  it('ends before an address that no process can have; other unknown ones stay', async () => {
    const binary = await openGoBinary(await buildFixture('variety'));
    const [deep] = binary.functionsNamed('main.deep');
    const here = hex(deep?.entry ?? 0);
    const [first] = symboliseStack(binary, [here]);
    expect(first).toMatch(/^main\.deep \(endings\.go:\d+\)$/);
    expect(symboliseStack(binary, [here, '0x7f0012345678'])).toEqual([first, '0x7f0012345678']);
    // Seen behind crosscall2, in a C program that calls Go.
    expect(symboliseStack(binary, [here, '0xffff800e54b91001', '0x9b4f9'])).toEqual([first]);
    binary.close();
  });
});
