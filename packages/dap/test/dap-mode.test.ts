/** Emacs' dap-mode with the configuration that people copy: a session from the breakpoint to the end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { buildFixture, findDelve, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { adapterProgram } from './adapter-program.js';
import { lineOf } from './session-client.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const file = join(fixtureSources('orders'), 'order.go');

describe.skipIf(requirement('kernel', 'delve', 'go', 'emacs').missing)('Emacs with dap-mode', () => {
  const home = mkdtempSync(join(tmpdir(), 'dap-emacs-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('sets a conditional breakpoint, stops, shows a variable, steps, continues and ends', {
    timeout: 300_000,
  }, async () => {
    const line = lineOf(file, 'func price(') + 1;
    const run = await execa('emacs', ['--batch', '-f', 'package-initialize', '-l', here('dap-mode.el')], {
      env: {
        CONFIGURATION: here('../../../editors/emacs/probelens.el'),
        COMMAND: JSON.stringify([process.execPath, await adapterProgram()]),
        FILE: file,
        LINE: String(line),
        CONDITION: 'o.ID == 1500',
        PROGRAM: await privateCopy(await buildFixture('orders'), home),
        PROBELENS_TEST_DLV: findDelve(),
        HOME: home,
      },
      reject: false,
      timeout: 280_000,
    });
    const said = run.stdout
      .split('\n')
      .filter((text) => text.startsWith('{"name"'))
      .map((text): { readonly name: string; readonly value: unknown } => JSON.parse(text));
    expect(Object.fromEntries(said.map(({ name, value }) => [name, value])), run.stderr).toMatchObject({
      keys: 'dap-continue',
      stop: ['main.price', line],
      message: expect.stringMatching(/^In the kernel/),
      value: '1500',
      goroutines: expect.stringMatching(/Go \d+.*\n {4}main\.price {2}\S*order\.go:\d+/),
      verifier: expect.stringContaining('No system call on eBPF has been seen'),
      'next load': 'The next eBPF program is shown before it is loaded.',
      step: ['main.price', expect.any(Number)],
      'keys afterwards': 'nil',
      output: expect.stringContaining('"wrong":0'),
    });
    expect(run.exitCode).toBe(0);
  });
});
