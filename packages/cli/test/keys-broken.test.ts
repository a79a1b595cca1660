/** `probelens keys check` where a person's configuration is broken: one sentence for each, and never "nothing is bound". */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { builtCommand } from '../../../test/command.js';
import { requirement } from '../../../test/requirements.js';
import { configurationOf, unreadable } from '../src/keys/check/configuration-file.js';
import type { KeyCheck } from '../src/keys/check/matrix.js';
import { terminalLayer } from '../src/keys/check/terminal-program.js';

const home = mkdtempSync(join(tmpdir(), 'probelens-keys-broken-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const put = (path: string, content: string | Buffer): string => {
  const whole = join(home, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
};

describe.skipIf(requirement('nvim', 'emacs').missing)('configurations with mistakes', () => {
  it('are said to be, with the file and what is wrong in it', async () => {
    const neovim = put('.config/nvim/init.lua', "vim.cmd('nosuchcommand')\n");
    const emacs = put('.emacs.d/init.el', '(setq half\n');
    const helix = put('.config/helix/config.toml', '[keys.normal\n');
    const code = put('.config/Code/User/keybindings.json', Buffer.from([0xff, 0xfe, 0x5b, 0]));
    const env = {
      HOME: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      PATH: process.env.PATH,
      TERM: 'no-such-terminal',
    };
    const { stdout } = await execa(process.execPath, [await builtCommand(), 'keys', 'check', '--json'], {
      env,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      cwd: home,
    });
    const { layers }: KeyCheck = JSON.parse(stdout);
    const told = new Map(layers.map(({ source, state, detail }) => [source, [state, detail]]));
    const failed = (detail: string | RegExp) => ['failed', expect.stringMatching(detail)];
    expect(told.get('TERM=no-such-terminal')).toEqual(
      failed(/^there is no terminfo entry "no-such-terminal"; set TERM/),
    );
    expect(told.get('nvim --headless')).toEqual(
      failed(new RegExp(`^${neovim} stops with an error, .*E492: Not an editor command: nosuchcommand$`)),
    );
    expect(told.get('emacs --batch')).toEqual(
      failed(new RegExp(`^${emacs} stops with an error, so what it would bind is not known: End of file`)),
    );
    expect(told.get(helix)).toEqual(failed(/^it has an error: line 1: /));
    expect(told.get(code)).toEqual(['failed', 'it is not UTF-8; save it in that encoding']);
  });
});

describe('files of a configuration', () => {
  it('are read without their byte-order mark, and told from those that cannot be read', () => {
    expect(configurationOf(put('marked', '\ufeff[]'))).toEqual({ ok: true, text: '[]' });
    expect(configurationOf(join(home, 'nowhere'))).toBeUndefined();
    expect(configurationOf(home)).toEqual({ ok: false, why: 'it is a directory' });
    expect(unreadable([join(home, 'nowhere'), join(home, 'marked')])).toBeUndefined();
  });

  it('say nothing of a terminal that is not named', () => {
    expect(terminalLayer({}, undefined, 'TERM is not set')).toMatchObject({
      state: 'failed',
      detail: 'TERM is not set',
    });
    expect(terminalLayer({ TERM: '' }, undefined).detail).toBe('the terminal');
  });
});
