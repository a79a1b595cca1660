/** Where a client works, and what is to be looked at there. */
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, relative } from 'node:path';
import type { LiveSession } from '@probelens/probes/control';
import type { InitializeParams } from 'vscode-languageserver/node';
import { fileOf } from './file-view.js';
import { type GoModule, moduleOf } from './module/go-module.js';
import { workModules } from './module/go-work.js';

export const isInside = (path: string, folder: string): boolean => {
  const way = relative(folder, path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
};

export const real = (path: string): string => {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return path;
  }
};

function foldersOf(params: InitializeParams): readonly string[] {
  const uris = params.workspaceFolders?.map(({ uri }) => uri) ?? [];
  // Clients without folders name one root.
  if (uris.length === 0 && typeof params.rootUri === 'string') uris.push(params.rootUri);
  return uris.map((uri) => fileOf(uri)).filter((path) => path !== undefined);
}

export class Folders {
  private readonly folders: readonly string[];

  /** @param openFiles absolute paths, as they are when asked for. */
  constructor(
    params: InitializeParams,
    private readonly openFiles: () => readonly string[],
  ) {
    this.folders = foldersOf(params);
  }

  get areFew(): boolean {
    return this.folders.length <= 1;
  }

  /** Of the first folder, links resolved: what is remembered of the workspace goes by it. None where only files are open. */
  get root(): string | undefined {
    const [folder] = this.folders;
    return folder === undefined ? undefined : real(folder);
  }

  /** A relative path belongs to the folder of the file for which it is asked. */
  absolute(path: string, file: string): string | undefined {
    if (isAbsolute(path)) return path;
    const folder = this.folders.find((candidate) => isInside(file, candidate)) ?? this.folders[0];
    return folder === undefined ? undefined : join(folder, path);
  }

  /** Ours is what works in one of our folders or debugs a program from there. */
  concerns(session: LiveSession): boolean {
    const places = [session.workspace, session.binary].filter((place) => place !== undefined).map(real);
    const around = session.workspace === undefined ? undefined : real(session.workspace);
    // An editor that was started from a menu works in the home directory or in /: that says nothing.
    const isTelling = around !== undefined && around !== '/' && around !== real(homedir());
    return this.ownFolders().some(
      (folder) => places.some((place) => isInside(place, folder)) || (isTelling && isInside(folder, around)),
    );
  }

  private ownFolders(): readonly string[] {
    if (this.folders.length > 0) return this.folders.map(real);
    // A single file was opened: its module is the workspace.
    return this.openFiles().map((file) => real(moduleOf(dirname(file))?.root ?? dirname(file)));
  }

  /** Of the open files and the folders, and those that go.work has beside them. */
  modules(): readonly GoModule[] {
    const directories = [...this.folders, ...this.openFiles().map((file) => dirname(file))];
    const found = [
      ...directories.map((directory) => moduleOf(directory)).filter((module) => module !== undefined),
      ...[...new Set(directories)].flatMap((directory) => workModules(directory)),
    ];
    return [...new Map(found.map((module) => [module.root, module])).values()];
  }
}
