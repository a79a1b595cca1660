/** `probelens init EDITOR --check`: what is installed for a person against what is shipped. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../../test/command.js';
import { root } from '../../../test/delve.js';
import { checkEditor } from '../src/editor-check/check.js';
import { findingText } from '../src/editor-check/finding.js';
import { parseJsonc } from '../src/editor-check/jsonc.js';
import { parseToml } from '../src/editor-check/toml.js';
import { type EditorName, editorNames } from '../src/editor-files.js';

const shipped = (file: string): string => readFileSync(join(root, 'editors', file), 'utf8');
const { version } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8'));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'probelens-home-'));
  put('bin/probelens', '#!/bin/sh\n', 0o755);
  vi.stubEnv('HOME', home);
  vi.stubEnv('XDG_CONFIG_HOME', '');
  vi.stubEnv('PATH', `${home}/bin:${process.env.PATH}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const put = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text, { mode });
};

/** In the person's home directory, whose path is shortened to "~" in what is said. */
const check = (name: EditorName, directory?: string): readonly string[] =>
  checkEditor(name, directory, home).map((finding) => findingText(finding).replaceAll(home, '~'));

describe('the check of Neovim', () => {
  const plugin = '.config/nvim/lua/probelens.lua';
  const load = "require('probelens').setup {}\n";

  it('finds nothing where the file is ours and something loads it', () => {
    put(plugin, shipped('nvim/probelens.lua'));
    put('.config/nvim/init.lua', load);
    expect(check('nvim')).toEqual([]);
  });

  it('names the file that is missing and the command that installs it', () => {
    expect(check('nvim')).toEqual([
      `~/${plugin}: is not there; run \`probelens init nvim --into ~/.config/nvim/lua\`.`,
    ]);
  });

  it('tells an older version from one that the person changed', () => {
    put('.config/nvim/init.lua', load);
    put(plugin, shipped('nvim/probelens.lua').replace(`M.version = '${version}'`, "M.version = '0.0.9'"));
    expect(check('nvim')).toEqual([
      expect.stringContaining(`${plugin}: is of version 0.0.9, this command of ${version}; take what`),
    ]);
    put(plugin, shipped('nvim/probelens.lua').replace('F5', 'F6'));
    expect(check('nvim')).toEqual([expect.stringMatching(/differs from version [\d.]+ from line \d+ on; take what/)]);
  });

  it('sees that nothing loads it, or that the command it starts is gone', () => {
    put(plugin, shipped('nvim/probelens.lua'));
    put('.config/nvim/init.lua', `-- ${load}`);
    expect(check('nvim')).toEqual([expect.stringContaining('is loaded by nothing; add require(')]);
    put('.config/nvim/init.lua', "require('probelens').setup { command = { '/opt/gone/probelens' } }\n");
    expect(check('nvim')).toEqual([expect.stringContaining('starts /opt/gone/probelens, which is no program')]);
    put('.config/nvim/lua/mine/debug.lua', 'require "probelens".setup { command = { "probelens" } }\n');
    put('.config/nvim/init.lua', "require 'mine.debug'\n");
    expect(check('nvim')).toEqual([]);
  });
});

describe('the check of Emacs', () => {
  it('finds the file in the directories that people use, and what loads it', () => {
    put('.emacs.d/lisp/probelens.el', shipped('emacs/probelens.el'));
    expect(check('emacs')).toEqual([expect.stringContaining("is loaded by nothing; add (require 'probelens)")]);
    put('.emacs.d/init.el', '(setq probelens-command \'("/opt/gone"))\n(require \'probelens)\n');
    expect(check('emacs')).toEqual([expect.stringContaining('starts /opt/gone, which is no program')]);
    put('.emacs.d/init.el', "(require 'probelens)\n");
    expect(check('emacs')).toEqual([]);
    put('.emacs.d/lisp/probelens.el', shipped('emacs/probelens.el').replace(`Version: ${version}`, 'Version: 0.0.1'));
    expect(check('emacs')).toEqual([expect.stringContaining('is of version 0.0.1')]);
  });
});

describe('the check of Helix', () => {
  const merged = `theme = "x"\n\n[[language]]\nname = "rust"\n\n${shipped('helix/languages.toml')}`;

  it('finds nothing where our tables lie among others', () => {
    put('.config/helix/languages.toml', merged);
    put('.config/helix/config.toml', `[editor]\nmouse = false\n\n${shipped('helix/config.toml')}`);
    expect(check('helix')).toEqual([]);
  });

  it('names each value that is another, with the right one', () => {
    const languages = merged
      .replace('name = "probelens"\ntransport = "stdio"', 'name = "go"\ntransport = "tcp"')
      .replace('"gopls", "probelens"', '"gopls"')
      .replace('name = "attach"', 'name = "other"')
      .replace('command = "probelens"', 'command = "/opt/gone"');
    put('.config/helix/languages.toml', languages);
    put('.config/helix/config.toml', shipped('helix/config.toml').replace('"dap_next"', '"dap_step_in"'));
    expect(check('helix')).toEqual([
      '~/.config/helix/config.toml: [keys.normal] has F10 = "dap_step_in"; set it to "dap_next".',
      '~/.config/helix/languages.toml: [language-server.probelens] starts /opt/gone, which is no program; name its real path.',
      '~/.config/helix/languages.toml: the language go does not use the server; add "probelens" to its language-servers, after "gopls".',
      '~/.config/helix/languages.toml: [language.debugger] of go has name = "go"; set it to "probelens".',
      '~/.config/helix/languages.toml: [language.debugger] of go has transport = "tcp"; set it to "stdio".',
      '~/.config/helix/languages.toml: the template "attach" is missing; copy it from `probelens init helix`.',
    ]);
  });

  it('says which line cannot be read', () => {
    put('.config/helix/languages.toml', '[a]\nb = \n');
    put('.config/helix/config.toml', shipped('helix/config.toml'));
    expect(check('helix')).toEqual([expect.stringContaining('cannot be read (line 2: a value expected)')]);
  });
});

describe('the check of VS Code', () => {
  const keys = '.config/Code/User/keybindings.json';
  const install = (): void => {
    for (const name of ['launch.json', 'tasks.json']) put(`.vscode/${name}`, shipped(`vscode/${name}`));
    put(keys, `// Mine\n${shipped('vscode/keybindings.json').replace(/\]\s*$/, ',]')}`);
  };

  it('finds nothing in what is shipped, with comments and commas as VS Code allows them', () => {
    install();
    expect(check('vscode')).toEqual([]);
  });

  it('allows another port where both files have it, and names files that have two', () => {
    install();
    put('.vscode/tasks.json', shipped('vscode/tasks.json').replace('38697', '4000'));
    expect(check('vscode')[0]).toBe(
      '~/.vscode/launch.json: the configuration "Probelens: package" connects to 127.0.0.1:38697, and the adapter listens at 127.0.0.1:4000; use one port in launch.json and tasks.json.',
    );
    put('.vscode/launch.json', shipped('vscode/launch.json').replaceAll('38697', '4000'));
    expect(check('vscode')).toEqual([]);
  });

  it('names a debug type that is not the one of the keys, and what is missing', () => {
    install();
    put('.vscode/launch.json', shipped('vscode/launch.json').replace('"type": "go"', '"type": "probelens"'));
    put('.vscode/tasks.json', '{ "tasks": [] }');
    put(keys, shipped('vscode/keybindings.json').replace("debugType == 'go'", "debugType == 'dlv'"));
    expect(check('vscode')).toEqual([
      '~/.vscode/tasks.json: no task starts the adapter; add the task that runs `probelens dap --listen 127.0.0.1:38697`.',
      '~/.vscode/launch.json: the configuration "Probelens: package" has the type "probelens"; set it to "go".',
      expect.stringMatching(/keybindings\.json: the key \S+ for \S+ holds when "debugType == 'dlv'"; set it to /),
    ]);
    rmSync(join(home, '.vscode'), { recursive: true });
    expect(check('vscode').slice(0, 2)).toEqual([
      '~/.vscode/launch.json: is not there; run `probelens init vscode` and copy its launch.json.',
      '~/.vscode/tasks.json: is not there; run `probelens init vscode` and copy its tasks.json.',
    ]);
  });
});

it.each(editorNames)(
  'the check of %s looks where it is told, writes nothing, and tells by its exit code',
  async (name) => {
    cpSync(join(root, 'editors', name), join(home, 'there'), { recursive: true });
    const run = async (directory: string) =>
      runCommand(['init', name, '--check', '--into', join(home, directory)], { PATH: process.env.PATH ?? '' });
    expect(await run('there')).toEqual({
      exitCode: 0,
      stdout: `The configuration of ${name} agrees with probelens ${version}.`,
      stderr: '',
    });
    const gone = await run('nowhere');
    expect(gone).toMatchObject({ exitCode: 1, stderr: '' });
    expect(gone.stdout).toContain('is not there; run `probelens init');
    expect(existsSync(join(home, 'nowhere'))).toBe(false);
  },
);

it('without an editor, all are checked that have something of ours', async () => {
  const run = () => runCommand(['init', '--check'], { PATH: process.env.PATH ?? '' });
  expect(await run()).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('No editor has a') });
  put('.emacs.d/probelens.el', shipped('emacs/probelens.el'));
  put('.emacs.d/init.el', "(require 'probelens)\n");
  put('.config/helix/languages.toml', '[[language]]\nname = "go"\n');
  expect(await run()).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^The configuration of emacs agrees/),
  });
  put('.config/nvim/lua/probelens.lua', shipped('nvim/probelens.lua'));
  const both = await run();
  expect(both.exitCode).toBe(1);
  expect(both.stdout).toMatch(/probelens\.lua: is loaded by nothing; .*\nThe configuration of emacs agrees/);
  expect(await runCommand(['init'])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('EDITOR is missing.'),
  });
});

it('installs nothing where one of several files exists', async () => {
  put('mine/tasks.json', 'mine');
  const { exitCode, stderr } = await runCommand(['init', 'vscode', '--into', join(home, 'mine')]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('mine/tasks.json is there already');
  expect(() => readFileSync(join(home, 'mine/launch.json'))).toThrow(/ENOENT/);
  expect(readFileSync(join(home, 'mine/tasks.json'), 'utf8')).toBe('mine');
});

describe('TOML', () => {
  it('is read as the specification has it', () => {
    const text = `# comment
title = 'C:\\path' # literal
"quoted key" = "tab\\t\\u00e9 \\"x\\""
a.b.c = 1_000
list = [ 1, "two", # comment
  [true], { x = 1, y.z = -0.5 }, ]
text = """
one \\
   two"""
raw = '''
a\\b'''

[table."x.y"]
when = 1979-05-27T07:32:00Z

[[array]]
n = 1
[[array]]
n = 2
[array.inner]
deep = false`;
    expect(JSON.parse(JSON.stringify(parseToml(text)))).toEqual({
      title: 'C:\\path',
      'quoted key': 'tab\té "x"',
      a: { b: { c: 1000 } },
      list: [1, 'two', [true], { x: 1, y: { z: -0.5 } }],
      text: 'one two',
      raw: 'a\\b',
      table: { 'x.y': { when: '1979-05-27T07:32:00Z' } },
      array: [{ n: 1 }, { n: 2, inner: { deep: false } }],
    });
  });

  it.each(['a', 'a =', 'a = [1', 'a = {x = 1', '[a', 'a = 1 b = 2', 'a = "x', '= 1', '__proto__.x = 1\n]'])(
    'that is none, such as %j, is refused',
    (text) => {
      expect(() => parseToml(text)).toThrow(SyntaxError);
    },
  );

  it('makes no properties of other objects', () => {
    parseToml('__proto__.polluted = 1\nconstructor.prototype.polluted = 1');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

it('comments and commas are taken out of JSON, and not out of its strings', () => {
  expect(parseJsonc('// a\n{ "x": "// no, }", /* b */ "y": [1, 2, ], }\n')).toEqual({ x: '// no, }', y: [1, 2] });
  expect(() => parseJsonc('{ "x": }')).toThrow(SyntaxError);
});
