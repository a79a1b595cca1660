/** What the configurations say must agree with each other and with the command. */
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { temporaryDirectory } from './editor.js';

const editors = fileURLToPath(new URL('../../../editors/', import.meta.url));
const read = (path: string): string => readFileSync(join(editors, path), 'utf8');

describe('VS Code', () => {
  const launch = JSON.parse(read('vscode/launch.json')) as {
    readonly configurations: readonly { readonly type: string; readonly port: number; readonly host: string }[];
  };
  const tasks = JSON.parse(read('vscode/tasks.json')) as {
    readonly tasks: readonly [
      {
        readonly command: string;
        readonly args: readonly string[];
        readonly problemMatcher: { readonly background: { readonly endsPattern: string } };
      },
    ];
  };
  const keys = JSON.parse(read('vscode/keybindings.json')) as readonly { readonly when: string }[];

  test('connects where the task listens', () => {
    const [task] = tasks.tasks;
    expect(task.command).toBe('probelens');
    for (const { host, port } of launch.configurations)
      expect(task.args).toEqual(['dap', '--listen', `${host}:${port}`]);
    expect(read('vscode/README.md')).toContain(task.args.join(' '));
    const command = readFileSync(new URL('../../cli/src/commands/dap.ts', import.meta.url), 'utf8');
    expect(command).toContain(task.problemMatcher.background.endsPattern);
  });

  test('has keys for the type that it debugs', () => {
    for (const { type } of launch.configurations) {
      for (const { when } of keys) expect(when).toBe(`debugType == '${type}'`);
    }
  });
});

describe('every configuration', () => {
  test.each(['nvim', 'emacs', 'helix', 'vscode'])('%s has a README of about ten lines', (editor) => {
    const lines = read(`${editor}/README.md`).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^# Probelens in /);
    expect(lines.length).toBeLessThanOrEqual(13);
  });

  test('says the version of the command where it is a file of ours', () => {
    const manifest = readFileSync(new URL('../../cli/package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(manifest) as { readonly version: string };
    expect(read('nvim/probelens.lua')).toContain(`\nM.version = '${version}'\n`);
    expect(read('emacs/probelens.el')).toContain(`\n;; Version: ${version}\n`);
  });

  test('Helix starts the two servers of the command', () => {
    const text = read('helix/languages.toml');
    expect(text).toMatch(/\[language-server\.probelens\]\ncommand = "probelens"\nargs = \["lsp"\]/);
    expect(text).toMatch(/transport = "stdio"\ncommand = "probelens"\nargs = \["dap"\]/);
  });
});

describe.skipIf(requirement('emacs').missing)('the Emacs file', () => {
  test('compiles without a warning', async () => {
    const directory = temporaryDirectory();
    copyFileSync(join(editors, 'emacs/probelens.el'), join(directory, 'probelens.el'));
    const compile = ['--eval', '(setq byte-compile-error-on-warn t)', '-f', 'batch-byte-compile'];
    const run = await execa('emacs', ['-Q', '--batch', ...compile, join(directory, 'probelens.el')], { reject: false });
    expect({ exitCode: run.exitCode, stderr: run.stderr }).toMatchObject({ exitCode: 0 });
    rmSync(directory, { recursive: true });
  });
});
