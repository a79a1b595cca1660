/** The editors' configurations, as they lie in editors/ of the checkout and beside the bundle (build.mjs copies them). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface EditorFile {
  readonly name: string;
  readonly text: string;
}

export interface Editor {
  /** Ten lines: where the files go and what they do. */
  readonly readme: string;
  readonly files: readonly EditorFile[];
}

export const editorNames = ['nvim', 'emacs', 'helix', 'vscode'] as const;

export type EditorName = (typeof editorNames)[number];

const directory = (): string => {
  const found = ['../editors', '../../../editors', './editors']
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error('the editor configurations are not beside the command');
  return found;
};

export const readEditor = (name: EditorName): Editor => {
  const from = `${directory()}/${name}`;
  const read = (file: string): string => readFileSync(`${from}/${file}`, 'utf8');
  const names = readdirSync(from).filter((file) => file !== 'README.md');
  return { readme: read('README.md'), files: names.sort().map((file) => ({ name: file, text: read(file) })) };
};
