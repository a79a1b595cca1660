/** `probelens keys check`: real stty, tmux, Neovim and Emacs, with the configuration of somebody who has much of his own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand } from '../../../test/command.js';
import { root } from '../../../test/delve.js';
import { findProgram, requirement } from '../../../test/requirements.js';
import {
  desktopLayer,
  gnomeOwnShortcuts,
  gnomeShortcuts,
  kdeShortcuts,
  swayShortcuts,
} from '../src/keys/check/desktop.js';
import { lineDiscipline } from '../src/keys/check/line-discipline.js';
import type { Conflict, KeyCheck } from '../src/keys/check/matrix.js';
import { terminalLayer } from '../src/keys/check/terminal-program.js';
import { tmuxFile, tmuxLayer } from '../src/keys/check/tmux.js';
import { vimKeys } from '../src/keys/chord.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const home = mkdtempSync(join(tmpdir(), 'probelens-keys-check-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
};

const one = (written: string) => {
  const [first] = vimKeys(written);
  if (first === undefined) throw new Error(`${written} is no key`);
  return first;
};

/** A person's machine: everything of it is below one directory. */
const env = (): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: home,
  XDG_CONFIG_HOME: join(home, '.config'),
  XDG_STATE_HOME: join(home, 'state'),
  TMUX_TMPDIR: home,
});

const checked = async (words: string): Promise<KeyCheck> => {
  const output = join(home, 'check.json');
  const command = PseudoTerminal.command([process.execPath, await builtCommand(), 'keys', 'check', '--json']);
  const terminal = new PseudoTerminal(`${words} cd '${home}'; ${command} > '${output}'; echo "code $?"`, {
    env: env(),
  });
  try {
    await terminal.until(/code \d+/);
    return JSON.parse(readFileSync(output, 'utf8'));
  } finally {
    terminal.close();
  }
};

describe.skipIf(requirement('nvim', 'emacs').missing)('the check of a machine', () => {
  let check: KeyCheck;
  const conflict = (editor: string, key: string): Conflict | undefined =>
    check.conflicts.find((each) => each.editor === editor && each.key === key);

  beforeAll(async () => {
    put('.config/nvim/init.lua', "vim.keymap.set('n', '<F10>', ':echo 1<CR>', { desc = 'my own step' })\n");
    put(
      '.emacs.d/init.el',
      '(global-set-key (kbd "<f9>") \'recompile)\n(global-set-key (kbd "C-c p") (make-sparse-keymap))\n',
    );
    put('.config/helix/config.toml', '[keys.normal]\nF5 = "dap_continue"\nF10 = ":write"\n');
    put('.config/Code/User/keybindings.json', '[{ "key": "f9", "command": "mine.toggle" }]');
    for (const name of ['launch.json', 'tasks.json'])
      put(`.vscode/${name}`, readFileSync(join(root, 'editors/vscode', name), 'utf8').replace('38697', '4000'));
    put('.config/kglobalshortcutsrc', '[kwin]\nWindow Menu=F11,Alt+F3,Window Operations Menu\n');
    put('.tmux.conf', 'set -g prefix C-t\nbind -n F6 next-window\n');
    // Where tmux is installed its server is asked, else the file is read: both say the same.
    const tmux = findProgram('tmux');
    if (tmux !== undefined) await execa(tmux, ['new-session', '-d', 'sleep 600'], { env: env() });
    try {
      check = await checked('stty quit ^T ixon;');
    } finally {
      if (tmux !== undefined) await execa(tmux, ['kill-server'], { env: env() });
    }
  }, 120_000);

  it('reads every layer that is there', () => {
    expect(check.layers.filter(({ state }) => state !== 'read')).toEqual([]);
    expect(check.layers.map(({ layer }) => layer)).toEqual(
      expect.arrayContaining(['kernel', 'desktop', 'terminal', 'tmux', 'editor']),
    );
  });

  it('finds what a person mapped, and says that it is hidden meanwhile or in the way', () => {
    expect(conflict('nvim', 'F10')?.claims).toMatchObject([
      { layer: 'editor', taker: 'the editor (my own step)', lost: false },
    ]);
    expect(conflict('nvim', 'F10')).toMatchObject({ arrives: 'F10', instead: ['Leader d n'] });
    expect(conflict('emacs', 'F9')?.claims).toMatchObject([{ taker: 'the editor (recompile)', lost: false }]);
    expect(conflict('emacs', 'Ctrl+C p n')?.claims).toMatchObject([{ taker: 'the editor (a prefix)', lost: false }]);
    expect(conflict('helix', 'F10')?.claims).toMatchObject([{ taker: 'the editor (:write)', lost: true }]);
    expect(conflict('vscode', 'F9')?.claims).toMatchObject([{ taker: 'the editor (mine.toggle)', lost: true }]);
    expect(conflict('nvim', 'F5')).toBeUndefined();
  });

  it('finds who takes a key before the editor, and what arrives', () => {
    expect(conflict('nvim', 'F11')?.claims).toMatchObject([
      { layer: 'desktop', taker: 'the desktop (Window Operations Menu)', arrives: 'nothing' },
    ]);
    expect(conflict('terminal', 'F6')?.claims).toMatchObject([
      { layer: 'tmux', taker: expect.stringContaining('next-window') },
    ]);
    expect(conflict('terminal', 'Ctrl+T')?.claims).toMatchObject([
      { layer: 'kernel', taker: 'the terminal driver (quit)', arrives: 'in raw mode; else SIGQUIT' },
      { layer: 'tmux', taker: 'tmux (its prefix)', cure: 'press it twice, or set another prefix' },
    ]);
    expect(conflict('nvim', 'Ctrl+Shift+K')).toMatchObject({ arrives: 'Ctrl+K', instead: ['Leader p k'] });
  });

  it("finds files of VS Code's that disagree", () => {
    expect(check.findings).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/connects to 127\.0\.0\.1:38697, and the adapter listens at 127\.0\.0\.1:4000/),
      ]),
    );
  });
});

describe('layers', () => {
  it('the kernel keeps flow control, and signals of those who leave them on', () => {
    const layer = lineDiscipline(
      'speed 38400 baud;\nintr = ^C; quit = ^\\; start = ^Q; stop = ^S;\nicrnl ixon -ixoff\nisig icanon',
    );
    expect(layer.claim(one('<C-\\>'))).toMatchObject({ taker: 'the terminal driver (quit)', lost: false });
    expect(layer.claim(one('<C-s>'))).toMatchObject({ lost: true, cure: 'stty -ixon' });
    expect(layer.claim(one('<C-t>'))).toBeUndefined();
    expect(lineDiscipline('stop = ^S;\n-ixon -isig').claim(one('<C-s>'))).toBeUndefined();
  });

  it('desktops tell their shortcuts in their own ways', () => {
    const gnome = gnomeShortcuts(
      [
        "org.gnome.desktop.wm.keybindings toggle-fullscreen ['<Super>F', 'F11']",
        'org.gnome.desktop.wm.keybindings lower @as []',
        "org.gnome.settings-daemon.plugins.media-keys email ['']",
        "org.gnome.settings-daemon.plugins.media-keys terminal ['<Primary><Alt>T']",
        "org.gnome.mutter.wayland.keybindings restore-shortcuts ['<Control>backslash']",
      ].join('\n'),
    );
    const own = gnomeOwnShortcuts(
      "[custom0]\nbinding='<Alt>L'\ncommand='lock'\nname='Lock it'\n\n[custom1]\nbinding=''\nname='None'\n",
    );
    const kde = kdeShortcuts(
      [
        '[kwin]\n_k_friendly_name=KWin',
        'Show=Ctrl+F8\\tMeta+F8,Ctrl+F8,Show all, of them',
        'None=none,,None',
        'view_zoom_in=Ctrl++,Ctrl++,Zoom In',
        'Lock=Alt+L,none,',
        '\n[services][org.kde.konsole.desktop]\n_launch=Ctrl+Alt+T',
        '_launch_two=none\n',
      ].join('\n'),
    );
    const sway = swayShortcuts('bindsym --release Ctrl+Shift+k exec thing\n# bindsym F5 no\nbindsym $mod+F5 kill');
    expect([...gnome]).toEqual([
      ['F11', 'toggle-fullscreen'],
      ['Ctrl+Alt+T', 'terminal'],
      ['Ctrl+\\', 'restore-shortcuts'],
    ]);
    expect([...own]).toEqual([['Alt+L', 'Lock it']]);
    expect([...kde]).toEqual([
      ['Ctrl+F8', 'Show all, of them'],
      ['Ctrl++', 'Zoom In'],
      ['Alt+L', 'Lock'],
      ['Ctrl+Alt+T', '_launch'],
    ]);
    expect(desktopLayer('sway', sway).claim(one('<C-S-k>'))).toMatchObject({
      taker: 'the desktop (exec thing)',
      lost: true,
    });
    expect(desktopLayer('sway', sway).claim(one('<F5>'))).toBeUndefined();
  });

  it('terminals keep keys of their own, and cannot tell some', () => {
    const kitty = terminalLayer({ TERM: 'xterm-kitty' }, undefined);
    expect(kitty.claim(one('<C-S-k>'))).toMatchObject({ taker: 'kitty by default (scrolls a line up)' });
    expect(kitty.claim(one('<C-CR>'))).toBeUndefined();
    const screen = terminalLayer({ TERM: 'screen', STY: '4242.pts-0.here' }, undefined);
    expect(screen.claim(one('<C-S-k>'))).toMatchObject({
      taker: 'GNU screen cannot tell it',
      cure: expect.stringMatching(/^screen passes/),
    });
    const console = terminalLayer({ TERM: 'vt100' }, '\tkf5=\\E[15~,\n');
    expect(console.claim(one('<F5>'))).toBeUndefined();
    expect(console.claim(one('<F9>'))).toMatchObject({ lost: false, arrives: 'as ^[[20~' });
  });

  it('tmux takes its prefix and its root table, and drops extended keys unless told', () => {
    const text = "set -g prefix '`'\nunbind C-b\nbind-key -n M-l select-pane\nbind -T root F9 new-window\n";
    const layer = tmuxLayer('tmux.conf', tmuxFile(text));
    expect(layer.claim(one('<M-l>'))).toMatchObject({ taker: 'tmux (select-pane)' });
    expect(layer.claim(one('<F9>'))).toMatchObject({ taker: 'tmux (new-window)' });
    expect(layer.claim(one('<C-b>'))).toBeUndefined();
    expect(layer.claim(one('<C-S-k>'))).toMatchObject({ arrives: 'Ctrl+K', cure: 'tmux set -s extended-keys on' });
    expect(tmuxLayer('x', tmuxFile('set -s extended-keys on')).claim(one('<C-S-k>'))).toBeUndefined();
  });
});
