/** Where dlv is looked for, in directories of the test's own. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findDelve } from '../src/index.js';

describe('dlv', () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'dap-find-')));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const file = (path: string): string => {
    const whole = join(root, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, '');
    chmodSync(whole, 0o755);
    return whole;
  };
  const project = join(root, 'project');
  mkdirSync(project);
  const nobody = { argument: undefined, option: undefined, env: { PATH: '', GOPATH: join(root, 'go') } };
  const script = file('checkout/packages/cli/bin/probelens.js');
  const link = join(root, 'probelens');
  symlinkSync(script, link);

  it('is found in the cache of the checkout whose command an editor has started elsewhere', () => {
    expect(findDelve({ ...nobody, directory: project, script: link })).toMatchObject({ ok: false });
    const path = file('checkout/.cache/bin/dlv');
    expect(findDelve({ ...nobody, directory: project, script: link })).toEqual({ ok: true, path });
    expect(findDelve({ ...nobody, directory: project })).toMatchObject({ ok: false });
    expect(findDelve({ ...nobody, directory: project, script: join(root, 'nowhere') })).toMatchObject({ ok: false });
  });

  it("is the person's own before that, and the one that is named before all", () => {
    const own = file('go/bin/dlv');
    expect(findDelve({ ...nobody, directory: project, script })).toEqual({ ok: true, path: own });
    expect(findDelve({ ...nobody, argument: '/nowhere/dlv', directory: project, script })).toEqual({
      ok: false,
      searched: ['/nowhere/dlv'],
    });
  });
});
