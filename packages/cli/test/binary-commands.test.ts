/** explain and lines, held against `go tool objdump`. */
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../../test/command.js';
import { buildFixture } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';

interface Instruction {
  readonly line: number;
  readonly address: string;
  readonly text: string;
}

/** Lines of the form "  order.go:16   0x4cc0a0   493b6610   CMPQ SP, 0x10(R14)". */
const disassembled = async (binary: string, name: string): Promise<readonly Instruction[]> => {
  const { stdout } = await execa('go', ['tool', 'objdump', '-s', `^${name}$`, binary]);
  return [...stdout.matchAll(/^ {2}\S+:(\d+)\s+(0x[0-9a-f]+)\s+[0-9a-f]+\s+(.*?)\s*$/gm)].map(
    ([, line, address, text]) => ({
      line: Number(line),
      address: address ?? '',
      text: text ?? '',
    }),
  );
};

const objects = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe.skipIf(requirement('go').missing)('commands that read a binary', () => {
  let binary = '';
  beforeAll(async () => {
    binary = await buildFixture('orders');
  });

  it('explain names the push of the frame pointer as the site of a condition', async () => {
    const run = await runCommand(['explain', binary, 'main.price', '--if', 'o.Qty == 0 && mult > 2', '--json']);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const [explained, ...others] = objects(run.stdout);
    expect(others).toEqual([]);
    const push = (await disassembled(binary, 'main.price')).find(({ text }) => text === 'PUSHQ BP');
    expect(explained.sites.map(({ use, address, tier }: Record<string, unknown>) => ({ use, address, tier }))).toEqual([
      { use: 'stop', address: push?.address, tier: 1 },
      { use: 'log', address: push?.address, tier: 1 },
    ]);
    expect(explained).toMatchObject({
      function: 'main.price',
      params: [
        { name: 'o', type: '*main.Order', place: 'rax' },
        { name: 'mult', type: 'int', place: 'rbx' },
      ],
      inlined: [],
    });
  });

  it('explain without sites says the same of the binary', async () => {
    const run = await runCommand(['explain', binary, 'main.price', '--no-sites', '--json']);
    expect(objects(run.stdout)[0]).not.toHaveProperty('sites');
    expect(objects(run.stdout)[0]).toMatchObject({ function: 'main.price' });
  });

  it('explain says where a function went that was inlined', async () => {
    const run = await runCommand(['explain', binary, 'main.notional', '--json']);
    expect(objects(run.stdout)[0]).toMatchObject({
      sites: [],
      inlined: [{ caller: 'main.price' }],
      problems: [{ code: 'inlined-everywhere' }],
    });
    const text = await runCommand(['explain', binary, 'main.notional']);
    expect(text.stdout).toMatch(/^main\.notional {2}no code of its own$/m);
    expect(text.stdout).toContain('main.price');
  });

  it('explain refuses a condition on what is not there, with exit code 0 and the reason', async () => {
    const run = await runCommand(['explain', binary, 'main.price', '--if', 'o.Weight > 3', '--json']);
    expect(run.exitCode).toBe(0);
    const [explained] = objects(run.stdout);
    expect(explained.sites).toEqual([]);
    expect(explained.problems[0].message).toContain('Weight');
  });

  it.each([
    { args: ['main.prise'], says: 'There is no function main.prise in this program; did you mean main.price?' },
    {
      args: ['order.go:1'],
      says: 'order.go:1 has no code in this program; name a line with a statement, or build the program again.',
    },
  ])('explain $args fails with a sentence', async ({ args, says }) => {
    const run = await runCommand(['explain', binary, ...args]);
    expect(run).toEqual({ exitCode: 1, stdout: '', stderr: `probelens: ${says}` });
  });

  it('lines lists the lines of a function that have code of its own', async () => {
    const run = await runCommand(['lines', binary, 'main.price', '--json']);
    const lines = objects(run.stdout);
    const instructions = await disassembled(binary, 'main.price');
    for (const { line, address } of lines) {
      expect(instructions.find((instruction) => instruction.address === address)?.line).toBe(line);
    }
    const [first] = lines;
    expect(first).toMatchObject({ line: Math.min(...instructions.map(({ line }) => line)), tier: 1 });
    // notional is inlined into line 21, and its own line is not one of price's.
    const own = new Set(lines.map(({ line }: Instruction) => line));
    expect([...own]).toEqual([...own].sort((a, b) => a - b));
    expect(own.size).toBeGreaterThanOrEqual(4);
  });
});
