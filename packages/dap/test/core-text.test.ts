import { describe, expect, it } from 'vitest';
import { bodyOf, planOf, World } from './core-world.js';

/** A gate on `bb 0d000000` (mov $13,%ebx) at 0x401005 as linked, with its sentinel, and one on `push %rbp`. */
const armed = (bias: bigint | undefined): World => {
  const world = World.ready();
  world.feed({ kind: 'kernel-opened', bias });
  world.gate();
  world.request('setBreakpoints', { source: { path: '/src/x.go' }, breakpoints: [{ line: 9, condition: 'y == 1' }] });
  const [plan] = world.only('plan');
  const planned = planOf('main.f');
  const [site] = planned.sites;
  if (site === undefined) throw new Error('the plan has a site');
  const second = { ...site, tier: 2 as const, address: '0x401005', instruction: 'bb0d000000', sentinel: '0x1009' };
  world.feed({
    kind: 'planned',
    ticket: plan?.ticket ?? 0,
    outcomes: [
      { ok: true, plan: { ...planned, sites: [second] }, function: 'main.f', file: '/src/x.go', line: 9, message: '' },
    ],
  });
  world.answerArms();
  world.take();
  return world;
};

const asked = (world: World, command: string, body: object): unknown => {
  world.request(command, {});
  world.delveAnswer(world.toDelve()[0], body);
  return bodyOf(world.toClient());
};

describe("the program's text", () => {
  // What Delve 1.27.2 makes of `55 .. bb 0d000000 48 ..` with int3s on the first and last byte of both.
  const read = (bias: number) => ({
    instructions: [
      { address: `0x${(0x401000 + bias).toString(16)}`, instructionBytes: 'cc', instruction: 'INT 3' },
      { address: `0x${(0x401005 + bias).toString(16)}`, instructionBytes: 'cc', instruction: 'INT 3' },
      {
        address: `0x${(0x401006 + bias).toString(16)}`,
        instructionBytes: '0d000000cc',
        instruction: 'ORL $-0x34000000, AX',
      },
      { address: `0x${(0x40100a + bias).toString(16)}`, instructionBytes: '4889e5', instruction: 'MOVQ SP, BP' },
    ],
  });

  it.each([0n, 0x5000n])('is disassembled as it is in the file (loaded %d bytes higher)', (bias) => {
    expect(asked(armed(bias), 'disassemble', read(Number(bias)))).toMatchObject({
      instructions: [
        { instructionBytes: '55', instruction: 'PUSHQ BP' },
        { instructionBytes: 'bb0d000000', instruction: '.byte 0xbb, 0x0d, 0x00, 0x00, 0x00' },
        { instructionBytes: '4889e5', instruction: 'MOVQ SP, BP' },
        { address: '0xffffffffffffffff' },
      ],
    });
  });

  it('stays as it was read where nobody knows where the program is', () => {
    expect(asked(armed(undefined), 'disassemble', read(0))).toEqual(read(0));
  });

  it.each([
    ['whole', 0x401004, '90cc0d0000cc48', '90bb0d00000048'],
    ['cut at the front', 0x401008, '00cc48', '000048'],
    ['cut at the end', 0x400fff, 'c3cc90', 'c35590'],
    ['beside', 0x40100a, 'cc', 'cc'],
  ])('is read as it is in the file (%s)', (_, address, memory, own) => {
    const body = { address: `0x${address.toString(16)}`, data: Buffer.from(memory, 'hex').toString('base64') };
    expect(asked(armed(0n), 'readMemory', body)).toEqual({ ...body, data: Buffer.from(own, 'hex').toString('base64') });
  });
});
