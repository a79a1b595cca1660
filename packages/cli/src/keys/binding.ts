import type { Keys } from './chord.js';
import type { Context } from './operation.js';

export const keyEditors = ['nvim', 'emacs', 'helix', 'vscode', 'terminal'] as const;
export type KeyEditor = (typeof keyEditors)[number];

/** One line of a configuration that binds a key. */
export interface Binding {
  readonly editor: KeyEditor;
  readonly keys: Keys;
  /** As the configuration has it: "<leader>pk", "S-<f5>". */
  readonly written: string;
  readonly file: string;
  /** From 1; 0 where it is no line of a file. */
  readonly line: number;
  readonly action: string;
  readonly contexts: readonly Context[];
  /** Whose key it is: "probelens", or who has it without us. */
  readonly owner: string;
}
