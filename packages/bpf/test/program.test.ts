import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { Assembler, KernelError, loadProgram, type ProgramOptions, VerifierError } from '../src/index.js';

const load = (assembler: Assembler, options: Partial<ProgramOptions> = {}) =>
  loadProgram({ type: 'kprobe', name: 'program_test', instructions: assembler.assemble(), ...options });

describe.skipIf(requirement('kernel').missing)('programs', () => {
  it('load while signals pour in, each of which makes the verifier give up', async () => {
    let signals = 0;
    const count = (): void => {
      signals++;
    };
    process.on('SIGUSR2', count);
    const flood = spawn('sh', ['-c', 'echo; while kill -USR2 "$0"; do :; done', `${process.pid}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(flood.stdout, 'data');
    // Some milliseconds of verification, so that a signal is sure to come.
    const slow = new Assembler().mov('r6', 0).label('again').add('r6', 1).jumpIf('r6', '<', 5000, 'again');
    slow.mov('r0', 0).exit();
    try {
      for (let round = 0; round < 5; round++) load(slow).close();
      await expect.poll(() => signals).toBeGreaterThan(0);
    } finally {
      flood.kill('SIGKILL');
      await once(flood, 'exit');
      process.off('SIGUSR2', count);
    }
  });

  it('are refused when they are no whole instructions', () => {
    expect(() => loadProgram({ type: 'kprobe', name: 'odd', instructions: new Uint8Array(12) })).toThrow(RangeError);
    expect(() => loadProgram({ type: 'kprobe', name: 'none', instructions: new Uint8Array(0) })).toThrow(RangeError);
  });

  it('tell a refusal of the verifier, with its log, from one without', () => {
    const failure = (action: () => unknown): unknown => {
      try {
        action();
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const refused = failure(() => load(new Assembler().exit()));
    expect(refused).toBeInstanceOf(VerifierError);
    expect(refused).toMatchObject({ call: 'BPF_PROG_LOAD', code: 'EACCES', program: 'program_test' });
    // A million instructions are refused before the verifier sees one.
    const instructions = new Uint8Array(8 * 1_000_002);
    const long = failure(() => loadProgram({ type: 'kprobe', name: 'long', instructions }));
    expect(long).toBeInstanceOf(KernelError);
    expect(long).not.toBeInstanceOf(VerifierError);
    expect(long).toMatchObject({ code: 'E2BIG' });
  });

  it('keep the name that the kernel can show, and give no descriptor after close', () => {
    const program = load(new Assembler().mov('r0', 0).exit(), { name: 'main.price if o.Qty == 0' });
    expect(program.name).toBe('main.price_if_o');
    expect(program.id).toBeGreaterThan(0);
    program.close();
    program.close();
    expect(program.closed).toBe(true);
    expect(() => program.fd).toThrow(/closed/);
  });
});
