/**
 * The table of keys against what editors do: its bytes go into a pseudo-terminal in which a real Neovim and a real Emacs
 * run with the configuration that people copy, and the debugger's commands, which are stand-ins, say which was called.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { builtCommand } from '../../../test/command.js';
import { findDelve, root } from '../../../test/delve.js';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
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

/** What the table says is bound by us, in one kind of session. */
const rows = (editor: KeyEditor, where: Context): readonly KeyRow[] =>
  keyTable(editor).filter(({ owner, context }) => owner === 'probelens' && context === where);

/** The leader is the editor's own default, a backslash. Ctrl+Shift+K and its like come in two ways. */
const pressesOf = (row: KeyRow): readonly Press[] => {
  const { legacy, csiU, kitty } = row.sent;
  if (row.key.startsWith('Leader ')) return [{ row, bytes: row.key.replace('Leader', '\\').replaceAll(' ', '') }];
  const all = legacy === undefined ? [csiU, kitty] : [legacy];
  return all.flatMap((bytes) => (bytes === undefined ? [] : [{ row, bytes }]));
};

/** Every row, each by at least one press. */
const presses = (all: readonly KeyRow[]): readonly Press[] => {
  const pressed = all.flatMap(pressesOf);
  expect(new Set(pressed.map(({ row }) => row))).toEqual(new Set(all));
  return pressed;
};

const isDape = ({ action }: KeyRow): boolean => action.startsWith('dape-');
const isDapMode = ({ action }: KeyRow): boolean => action.startsWith('dap-');

/** F2, F3, F4 and F6 begin and end a session here; F10 is a person's own where no session has it. */
const control = {
  delve: '\u001bOQ',
  probeOnly: '\u001bOR',
  end: '\u001bOS',
  dape: '\u001b[17~',
  mine: '\u001b[21~',
} as const;

const luaSay = (said: string): string => `
local function say(what)
  local file = io.open(${JSON.stringify(said)}, 'a')
  file:write(what .. '\\n')
  file:close()
end
`;

/** The language server is the real one, and what it is asked is said where it is sent. */
const neovimStart =
  (command: readonly string[], binary: string) =>
  (said: string): string =>
    `${luaSay(said)}
package.path = ${JSON.stringify(join(root, 'editors/nvim'))} .. '/?.lua;' .. package.path
local function nested()
  return setmetatable({}, { __index = function(table, key)
    local new = {}
    rawset(table, key, new)
    return new
  end })
end
local dap = { adapters = {}, configurations = {}, defaults = nested(), listeners = { after = nested() } }
package.loaded.dap = setmetatable(dap, { __index = function(_, name) return function() say(name) end end })
local start = vim.lsp.rpc.start
vim.lsp.rpc.start = function(...)
  local rpc = start(...)
  local request = rpc.request
  rpc.request = function(method, params, ...)
    if method == 'workspace/executeCommand' then say(method .. ' ' .. params.command) end
    if method == 'textDocument/codeAction' then say(method) end
    return request(method, params, ...)
  end
  return rpc
end
-- Messages would ask for Enter, choices for a number.
vim.notify = function() end
vim.ui.select = function() end
for _, name in ipairs { 'window/showMessage', 'window/logMessage' } do vim.lsp.handlers[name] = function() end end

vim.keymap.set('n', '<F10>', function() say 'mine' end)
local probelens = require 'probelens'
for _, name in ipairs { 'pause_at_next_load', 'verifier_summary', 'goroutines_and_crash', 'tests' } do
  probelens[name] = function() say(name) end
end
probelens.setup {
  command = vim.json.decode(${JSON.stringify(JSON.stringify(command))}),
  settings = { binary = ${JSON.stringify(binary)} },
}
-- When the lens of the cursor's line offers a probe, and the keys are as they should be.
local function say_when(what, has_keys)
  local timer = vim.loop.new_timer()
  timer:start(0, 20, vim.schedule_wrap(function()
    if #vim.lsp.buf_get_clients(0) == 0 or timer:is_closing() then return end
    local line = vim.api.nvim_win_get_cursor(0)[1]
    for _, lens in ipairs(vim.lsp.codelens.get(0)) do
      local offers = lens.range.start.line + 1 == line and lens.command and lens.command.title == 'probe this function'
      if offers and (vim.fn.mapcheck('<F11>', 'n') ~= '') == has_keys then
        timer:close()
        return say(what)
      end
    end
    vim.lsp.codelens.refresh()
  end))
end
local session
local function begin(mode)
  session = { config = { type = 'probelens', mode = mode }, on_close = {} }
  dap.listeners.after.event_initialized.probelens(session)
  say_when('began', true)
end
vim.keymap.set('n', '<F2>', function() begin 'exec' end)
vim.keymap.set('n', '<F3>', function() begin 'probe' end)
vim.keymap.set('n', '<F4>', function()
  session.on_close.probelens()
  say_when('ended', false)
end)
vim.api.nvim_create_autocmd('VimEnter', { callback = function() say_when('ready', false) end })
`;

const debuggerCommands = [...new Set(rows('emacs', 'Delve session').map(({ action }) => action))].filter((action) =>
  /^dape?-/.test(action),
);

/** Stand-ins for dap-mode and dape, with the hooks that they run. */
const emacsStart = (said: string): string => `;;; -*- lexical-binding: t -*-
(setq xterm-extra-capabilities nil inhibit-startup-screen t)
(defun say (what) (write-region (format "%s\\n" what) nil ${JSON.stringify(said)} t 'silent))
(defmacro bind (key &rest body) \`(global-set-key (kbd ,key) (lambda () (interactive) ,@body)))
(defvar dap-session-created-hook nil)
(defvar dap-terminated-hook nil)
(defvar dape-configs nil)
(defun dap-register-debug-provider (&rest _))
(defun dap-register-debug-template (&rest _))
(defun dap--debug-session-launch-args (session) (plist-get session :arguments))
(defun dap--debug-session-proc (session) (plist-get session :process))
(load ${JSON.stringify(join(root, 'editors/emacs/probelens.el'))} nil t)
(provide 'dap-mode)
(define-minor-mode dape-active-mode "On while dape has a session." :global t)
(provide 'dape)
(dolist (command '(lsp-avy-lens probelens-probe-at-point probelens-probe probelens-list probelens-timeline
                   probelens-pause-at-next-load probelens-verifier-summary probelens-goroutines-and-crash
                   ${debuggerCommands.join(' ')}))
  (fset command (lambda () (interactive) (say command))))
(defvar session nil)
(defun begin (mode)
  (setq session (list :arguments (list :type "probelens" :mode mode) :process (start-process "adapter" nil "cat")))
  (run-hook-with-args 'dap-session-created-hook session)
  (say "began"))
(bind "<f10>" (say "mine"))
(bind "<f2>" (begin "exec"))
(bind "<f3>" (begin "probe"))
(bind "<f4>" (if dape-active-mode (dape-active-mode -1)
               (run-hook-with-args 'dap-terminated-hook session)
               (delete-process (plist-get session :process)))
             (say "ended"))
(bind "<f6>" (dape-active-mode 1) (say "began"))
(add-hook 'window-setup-hook (lambda () (say "ready")))
`;

describe.skipIf(requirement('nvim', 'emacs', 'go').missing || findProgram('script') === undefined)(
  'pressing keys',
  () => {
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
        env: {
          PATH: process.env.PATH,
          HOME: directory,
          XDG_CONFIG_HOME: directory,
          XDG_STATE_HOME: directory,
          XDG_RUNTIME_DIR: directory,
        },
      });
      terminals.push(terminal);
      let taken = 0;
      /** The next thing that is said. */
      const next = async (what: string): Promise<string> => {
        const end = Date.now() + 60_000;
        while (lines(said).length <= taken) {
          if (Date.now() > end)
            throw new Error(`${what} called nothing; the terminal shows:\n${terminal.shown.slice(-2_000)}`);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        taken += 1;
        return lines(said)[taken - 1] ?? '';
      };
      const press = async (bytes: string, what: string): Promise<string> => {
        terminal.type(bytes);
        return next(what);
      };
      expect(await next('the start')).toBe('ready');
      return press;
    };

    type Pressing = Awaited<ReturnType<typeof start>>;

    const pressAll = async (all: readonly KeyRow[], press: Pressing) => {
      const pressed = presses(all);
      expect(pressed.length).toBeGreaterThan(3);
      const called: string[] = [];
      for (const { row, bytes } of pressed) called.push(`${row.key}: ${await press(bytes, row.key)}`);
      // Keys of the language server are known by what is asked of it.
      const expected = ({ action, request }: KeyRow): string => (action.startsWith('lens_keys.') ? request : action);
      expect(called).toEqual(pressed.map(({ row }) => `${row.key}: ${expected(row)}`));
    };

    /** What a person has bound is theirs before, between and after sessions. */
    const inSession = async (press: Pressing, bytes: string, all: readonly KeyRow[]) => {
      expect(await press(control.mine, 'F10 without a session')).toBe('mine');
      expect(await press(bytes, 'the start of a session')).toBe('began');
      await pressAll(all, press);
      expect(await press(control.end, 'the end of the session')).toBe('ended');
      expect(await press(control.mine, 'F10 after a session')).toBe('mine');
    };

    it('in Neovim calls what the table says, without a session and in each kind of one', async () => {
      const folder = join(directory, 'orders');
      cpSync(fixtureSources('orders'), folder, { recursive: true });
      await execa('go', ['build', '-o', 'orders', '.'], { cwd: folder, env: { GOFLAGS: '-mod=mod', GOWORK: 'off' } });
      const file = join(folder, 'order.go');
      const line =
        readFileSync(file, 'utf8')
          .split('\n')
          .findIndex((text) => text.startsWith('func price(')) + 1;
      const text = neovimStart([process.execPath, await builtCommand()], join(folder, 'orders'));
      const words = (script: string) => ['nvim', '-i', 'NONE', '-n', '-u', script, `+${line}`, file];
      const press = await start('init.lua', words, text);
      await pressAll(rows('nvim', 'no session'), press);
      await inSession(press, control.delve, rows('nvim', 'Delve session'));
      await inSession(press, control.probeOnly, rows('nvim', 'probe-only session'));
    }, 240_000);

    it('in Emacs calls what the table says, in each kind of session of dap-mode and in one of dape', async () => {
      const press = await start('init.el', (script) => ['emacs', '-nw', '-Q', '-l', script], emacsStart);
      expect(rows('emacs', 'no session')).toEqual([]);
      for (const [bytes, where] of [
        [control.delve, 'Delve session'],
        [control.probeOnly, 'probe-only session'],
      ] as const) {
        await inSession(
          press,
          bytes,
          rows('emacs', where).filter((row) => !isDape(row)),
        );
        await inSession(
          press,
          control.dape,
          rows('emacs', where).filter((row) => !isDapMode(row)),
        );
      }
    }, 120_000);
  },
);

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
