/**
 * The table of keys against what editors do: its bytes go into a pseudo-terminal in which a real Neovim and a real Emacs
 * run with the configuration that people copy, and the debugger's commands, which are stand-ins, say which was called.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { root } from '../../../test/delve.js';
import { findProgram, requirement } from '../../../test/requirements.js';
import type { KeyEditor } from '../src/keys/binding.js';
import { type KeyRow, keyTable } from '../src/keys/table.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const directory = mkdtempSync(join(tmpdir(), 'probelens-pressed-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Press {
  readonly row: KeyRow;
  readonly bytes: string;
}

/** Keys of a session; the leader is the editor's own default, a backslash. */
const presses = (editor: KeyEditor): readonly Press[] =>
  keyTable(editor)
    .filter(({ owner, context }) => owner === 'probelens' && context === 'Delve session')
    // Those of a buffer's language server are pressed in that package's tests, where there is one.
    .filter(({ action }) => !action.startsWith('lens_keys.') && !action.startsWith('dape-'))
    .flatMap((row): readonly Press[] => {
      const bytes = row.sent.legacy ?? row.sent.csiU;
      if (bytes !== undefined) return [{ row, bytes }];
      return row.key.startsWith('Leader ') ? [{ row, bytes: row.key.replace('Leader', '\\').replaceAll(' ', '') }] : [];
    });

const neovimStart = (said: string): string => `
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
for _, name in ipairs { 'pause_at_next_load', 'verifier_summary', 'goroutines_and_crash' } do
  probelens[name] = function() say(name) end
end
probelens.setup { command = { 'true' } }
vim.api.nvim_create_autocmd('VimEnter', { callback = function()
  dap.listeners.after.event_initialized.probelens { config = { type = 'probelens' }, on_close = {} }
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

  const pressAll = async (editor: KeyEditor, { terminal, next }: Awaited<ReturnType<typeof start>>) => {
    const called: string[] = [];
    const all = [...presses(editor), ...extendedPresses(editor)];
    for (const { row, bytes } of all) {
      terminal.type(bytes);
      called.push(`${row.key}: ${await next(called.length + 2, row.key)}`);
    }
    expect(called).toEqual(all.map(({ row }) => `${row.key}: ${row.action}`));
    expect(all.length).toBeGreaterThan(15);
  };

  it('in Neovim calls what the table says', async () => {
    const running = await start(
      'init.lua',
      (script) => ['nvim', '-i', 'NONE', '-n', '-u', script, 'a.go'],
      neovimStart,
    );
    await pressAll('nvim', running);
  }, 120_000);

  it('in Emacs calls what the table says', async () => {
    const running = await start('init.el', (script) => ['emacs', '-nw', '-Q', '-l', script], emacsStart);
    await pressAll('emacs', running);
  }, 120_000);
});
