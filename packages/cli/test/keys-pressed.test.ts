/**
 * The table of keys against what editors do: its bytes go into a pseudo-terminal in which a real Neovim and a real Emacs
 * run with the configuration that people copy, and the debugger's commands, which are stand-ins, say which was called.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { builtCommand } from '../../../test/command.js';
import { findDelve, root } from '../../../test/delve.js';
import { buildFixture, privateCopy } from '../../../test/fixture-build.js';
import { findProgram, requirement } from '../../../test/requirements.js';
import type { KeyEditor } from '../src/keys/binding.js';
import type { Context } from '../src/keys/operation.js';
import { type KeyRow, keyTable } from '../src/keys/table.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const directory = mkdtempSync(join(tmpdir(), 'probelens-pressed-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Press {
  readonly row: KeyRow;
  readonly bytes: string;
}

/** Keys of a session; the leader is the editor's own default, a backslash. */
const presses = (editor: KeyEditor, where: Context = 'Delve session'): readonly Press[] =>
  keyTable(editor)
    .filter(({ owner, context }) => owner === 'probelens' && context === where)
    // Those of a buffer's language server are pressed in that package's tests, where there is one.
    .filter(({ action }) => !action.startsWith('lens_keys.') && !action.startsWith('dape-'))
    .flatMap((row): readonly Press[] => {
      const bytes = row.sent.legacy ?? row.sent.csiU;
      if (bytes !== undefined) return [{ row, bytes }];
      return row.key.startsWith('Leader ') ? [{ row, bytes: row.key.replace('Leader', '\\').replaceAll(' ', '') }] : [];
    });

const neovimStart =
  (hasSession: boolean) =>
  (said: string): string =>
    `
package.path = ${JSON.stringify(join(root, 'editors/nvim'))} .. '/?.lua;' .. package.path
local function say(what)
  local file = io.open(${JSON.stringify(said)}, 'a')
  file:write(what .. '\\n')
  file:close()
end
local function nested()
  return setmetatable({}, { __index = function(table, key)
    local new = {}
    rawset(table, key, new)
    return new
  end })
end
local dap = { adapters = {}, configurations = {}, defaults = nested(), listeners = { after = nested() } }
package.loaded.dap = setmetatable(dap, { __index = function(_, name) return function() say(name) end end })
local probelens = require 'probelens'
for _, name in ipairs { 'pause_at_next_load', 'verifier_summary', 'goroutines_and_crash', 'tests' } do
  probelens[name] = function() say(name) end
end
probelens.setup { command = { 'true' } }
vim.api.nvim_create_autocmd('VimEnter', { callback = function()
  if ${hasSession} then dap.listeners.after.event_initialized.probelens { config = { type = 'probelens' }, on_close = {} } end
  vim.schedule(function() say 'ready' end)
end })
`;

/** Both ways in which Ctrl+Shift+K and its like come, where there are two. */
const extendedPresses = (editor: KeyEditor): readonly Press[] =>
  presses(editor).flatMap(({ row }) => {
    const { legacy, kitty } = row.sent;
    return legacy === undefined && kitty !== undefined ? [{ row, bytes: kitty }] : [];
  });

const emacsStart = (said: string): string => `;;; -*- lexical-binding: t -*-
(setq xterm-extra-capabilities nil inhibit-startup-screen t)
(defun say (what) (write-region (format "%s\\n" what) nil ${JSON.stringify(said)} t 'silent))
(load ${JSON.stringify(join(root, 'editors/emacs/probelens.el'))} nil t)
(defun stand-in (command) (fset command (lambda () (interactive) (say command))))
(dolist (command '(dap-continue dap-breakpoint-toggle dap-next dap-step-in dap-step-out dap-disconnect dap-debug-last
                   lsp-avy-lens probelens-probe-at-point probelens-probe probelens-list probelens-timeline
                   probelens-pause-at-next-load probelens-verifier-summary probelens-goroutines-and-crash))
  (stand-in command))
(probelens-session-mode 1)
(add-hook 'window-setup-hook (lambda () (say "ready")))
`;

describe.skipIf(requirement('nvim', 'emacs').missing || findProgram('script') === undefined)('pressing keys', () => {
  const terminals: PseudoTerminal[] = [];
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.close();
  });

  const lines = (said: string): readonly string[] =>
    existsSync(said) ? readFileSync(said, 'utf8').split('\n').slice(0, -1) : [];

  const start = async (
    name: string,
    command: (script: string) => readonly string[],
    text: (said: string) => string,
  ) => {
    const said = join(directory, `${name}.said`);
    const script = join(directory, name);
    rmSync(said, { force: true });
    writeFileSync(script, text(said));
    const terminal = new PseudoTerminal(PseudoTerminal.command(command(script)), {
      cwd: directory,
      env: { PATH: process.env.PATH, HOME: directory, XDG_CONFIG_HOME: directory, XDG_STATE_HOME: directory },
    });
    terminals.push(terminal);
    const next = async (count: number, what: string): Promise<string> => {
      const end = Date.now() + 45_000;
      while (lines(said).length < count) {
        if (Date.now() > end)
          throw new Error(`${what} called nothing; the terminal shows:\n${terminal.shown.slice(-2_000)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return lines(said)[count - 1] ?? '';
    };
    await next(1, 'the start');
    return { terminal, next };
  };

  const pressAll = async (all: readonly Press[], { terminal, next }: Awaited<ReturnType<typeof start>>) => {
    const called: string[] = [];
    for (const { row, bytes } of all) {
      terminal.type(bytes);
      called.push(`${row.key}: ${await next(called.length + 2, row.key)}`);
    }
    expect(called).toEqual(all.map(({ row }) => `${row.key}: ${row.action}`));
  };

  const neovim = (hasSession: boolean) =>
    start('init.lua', (script) => ['nvim', '-i', 'NONE', '-n', '-u', script, 'a.go'], neovimStart(hasSession));

  const allOf = (editor: KeyEditor): readonly Press[] => {
    const all = [...presses(editor), ...extendedPresses(editor)];
    expect(all.length).toBeGreaterThan(15);
    return all;
  };

  it('in Neovim calls what the table says', async () => {
    await pressAll(allOf('nvim'), await neovim(true));
  }, 120_000);

  it('in Neovim begins a session as the table says', async () => {
    const all = presses('nvim', 'no session');
    expect(all.length).toBeGreaterThan(3);
    await pressAll(all, await neovim(false));
  }, 120_000);

  it('in Emacs calls what the table says', async () => {
    const running = await start('init.el', (script) => ['emacs', '-nw', '-Q', '-l', script], emacsStart);
    await pressAll(allOf('emacs'), running);
  }, 120_000);
});

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('pressing keys in probelens debug', () => {
  const ready = '(probelens) ';

  it('asks for the next eBPF load, the verifier, a probe here, and a capture', async () => {
    const program = await privateCopy(await buildFixture('orders', { flags: ['-gcflags=all=-N -l'] }), directory);
    const words = [process.execPath, await builtCommand(), 'debug', '--delve', findDelve() ?? 'dlv', program];
    const terminal = new PseudoTerminal(PseudoTerminal.command([...words, '--', '1000000000']), {
      cwd: directory,
      env: { ...process.env, XDG_STATE_HOME: directory, NO_COLOR: '1' },
    });
    const sent = (key: string, encoding: 'legacy' | 'csiU' | 'kitty'): string => {
      const bytes = keyTable('terminal').find((row) => row.key === key)?.sent[encoding];
      if (bytes === undefined) throw new Error(`${key} cannot be sent as ${encoding}`);
      return bytes;
    };
    const press = async (bytes: string, shows: string | RegExp): Promise<void> => {
      terminal.type(bytes);
      await terminal.until(shows);
      await terminal.until(ready);
    };
    try {
      await terminal.until(ready);
      await press('break main.price if o.Qty == 0\r', 'In the kernel');
      await press(sent('F5', 'legacy'), '> breakpoint 1');
      await press(sent('Alt+L', 'legacy'), 'No system call on eBPF has been seen');
      await press(sent('Ctrl+Shift+B', 'csiU'), 'The next eBPF program is shown before it is loaded.');
      await press(sent('F8', 'legacy'), 'The next eBPF program is shown before it is loaded.');
      await press(sent('Ctrl+Shift+K', 'kitty'), /main\.price do count/);
      await press('probes\r', /main\.price do count/);
      terminal.type(sent('F7', 'legacy'));
      await terminal.until(ready);
      // The breakpoint is left.
      terminal.type('probes\r');
      const listed = await terminal.until('breakpoint at main.price');
      expect(listed + (await terminal.until(ready))).not.toContain('do count');
      await press(sent('Ctrl+T', 'legacy'), /Written to \S+/);
      terminal.type(sent('Ctrl+\\', 'legacy'));
      await terminal.until(/Written to \S+/);
      expect(await terminal.ended).toBe(0);
    } finally {
      terminal.close();
    }
  }, 180_000);
});
