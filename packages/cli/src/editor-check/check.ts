/** Compares what is installed for a person with what this command ships. Nothing is written. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type EditorName, editorNames, readEditor } from '../editor-files.js';
import { textOf, textsBelow } from './disk.js';
import type { Finding } from './finding.js';
import { checkHelix } from './helix.js';
import { codeSettings, configHome, emacsHome } from './places.js';
import { checkPlugin } from './plugin.js';
import { checkVsCode } from './vscode.js';

const neovim = (directory: string | undefined): readonly Finding[] => {
  const home = join(configHome(), 'nvim');
  return checkPlugin(readEditor('nvim'), {
    editor: 'nvim',
    candidates: [join(directory ?? join(home, 'lua'), 'probelens.lua')],
    configuration:
      directory === undefined ? textsBelow(home, ['init.lua', '.lua', '.vim']).filter(isNotOurs) : undefined,
  });
};

/** Our own file says in a comment how it is loaded. */
const isNotOurs = (text: string): boolean => !/^(-- Probelens for Neovim|;;; probelens\.el)/.test(text);

const emacs = (directory: string | undefined): readonly Finding[] => {
  const home = emacsHome();
  const places = directory === undefined ? [home, join(home, 'lisp'), join(home, 'site-lisp')] : [directory];
  const dotEmacs = textOf(join(homedir(), '.emacs'));
  return checkPlugin(readEditor('emacs'), {
    editor: 'emacs',
    candidates: places.map((place) => join(place, 'probelens.el')),
    configuration:
      directory === undefined
        ? [...textsBelow(home, ['.el', '.org']).filter(isNotOurs), ...(dotEmacs === undefined ? [] : [dotEmacs])]
        : undefined,
  });
};

/** Editors that a person gave anything of ours. */
export function installedEditors(folder: string = process.cwd()): readonly EditorName[] {
  const places: Readonly<Record<EditorName, readonly string[]>> = {
    nvim: [join(configHome(), 'nvim/lua/probelens.lua')],
    emacs: ['', 'lisp', 'site-lisp'].map((place) => join(emacsHome(), place, 'probelens.el')),
    helix: [join(configHome(), 'helix/languages.toml')],
    vscode: [join(folder, '.vscode/launch.json')],
  };
  return editorNames.filter((name) => places[name].some((path) => /probelens/i.test(textOf(path) ?? '')));
}

/**
 * @param directory where the files are; where the editor looks for them by default.
 * @param folder that the person works in: VS Code looks there.
 */
export function checkEditor(
  name: EditorName,
  directory: string | undefined,
  folder: string = process.cwd(),
): readonly Finding[] {
  switch (name) {
    case 'nvim':
      return neovim(directory);
    case 'emacs':
      return emacs(directory);
    case 'helix':
      return checkHelix(readEditor('helix'), directory ?? join(configHome(), 'helix'));
    case 'vscode':
      return checkVsCode(readEditor('vscode'), {
        folder: directory ?? join(folder, '.vscode'),
        keys: [...(directory === undefined ? codeSettings() : [directory])].map((place) =>
          join(place, 'keybindings.json'),
        ),
      });
  }
}
