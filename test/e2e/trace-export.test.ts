/** `probelens export` written out, run by the tools that it is for, beside `probelens trace` of the same text. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../command.js';
import { buildFixture, privateCopy } from '../fixture-build.js';
import { requirement } from '../requirements.js';
import { traceProgram } from './trace-command.js';

const orders = 20_000;

const TEXTS = ['main.price do count', 'main.price if o.ID >= 500 && o.ID < 700 do count'];

describe.skipIf(requirement('kernel', 'go', 'bpftrace', 'perf').missing)('probelens export', () => {
  let directory: string;
  let program: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-exported-'));
    program = await privateCopy(await buildFixture('orders'), directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  for (const text of TEXTS) {
    it(`"${text}": trace, bpftrace and perf see the same`, { timeout: 120_000 }, async () => {
      const script = async (tool: string): Promise<string> => {
        const written = await runCommand(['export', tool, program, '--probe', text]);
        expect(written).toMatchObject({ exitCode: 0, stderr: '' });
        const path = join(directory, `script.${tool}`);
        writeFileSync(path, written.stdout);
        return path;
      };
      const traced = await traceProgram([text], [program, String(orders)]);
      const { hits, matches } = traced.probes[0] ?? { hits: 0, matches: 0 };
      expect([hits, matches]).toEqual([orders, text.includes(' if ') ? 200 : orders]);
      const byBpftrace = await execa('bpftrace', ['--unsafe', '-c', `${program} ${orders}`, await script('bpftrace')]);
      expect(byBpftrace.stdout).toMatch(new RegExp(`^@hits: ${hits}$`, 'm'));
      expect(byBpftrace.stdout).toMatch(new RegExp(`^@matches: ${matches}$`, 'm'));
      const byPerf = await execa('sh', [await script('perf'), program, String(orders)]);
      expect(`${byPerf.stdout}\n${byPerf.stderr}`).toMatch(new RegExp(`^\\s+${matches}\\s+probelens:`, 'm'));
    });
  }

  it('a tracepoint, by the fields that the kernel tells, and for perf a sentence', async () => {
    const probe = 'tracepoint:syscalls:sys_enter_write if fd == 1 && count > 100 do log "{fd} {count}"';
    const written = await runCommand(['export', 'bpftrace', program, '--probe', probe]);
    expect(written).toMatchObject({ exitCode: 0, stderr: '' });
    expect(written.stdout).toContain('tracepoint:syscalls:sys_enter_write\n');
    expect(written.stdout).toContain('args->count');
    const unknown = await runCommand(['export', 'bpftrace', program, '--probe', probe.replace('fd ==', 'df ==')]);
    expect(unknown).toMatchObject({ exitCode: 1, stdout: '' });
    expect(unknown.stderr).toContain('has no field df; it has fd, buf, count');
    const perf = await runCommand(['export', 'perf', program, '--probe', probe]);
    expect(perf).toMatchObject({ exitCode: 1, stdout: '' });
    expect(perf.stderr).toContain('export it to bpftrace');
  });
});
