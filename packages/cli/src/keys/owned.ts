/**
 * What people who debug Go press and we leave alone, because another tool has it: VS Code 1.9x's default keybindings, its
 * Go extension, gopls behind each editor's own keys, Helix's debug menu (helix-term/src/keymap/default.rs), readline.
 */
import type { Binding, KeyEditor } from './binding.js';
import { codeKeys, emacsKeys, helixKeys, type Keys, spokenKeys, vimKeys } from './chord.js';
import { type Context, contexts } from './operation.js';

type Row = readonly [written: string, action: string, owner: string, where: readonly Context[]];

const session: readonly Context[] = ['Delve session', 'probe-only session'];
const before: readonly Context[] = ['no session'];
/** No key, but something that happens or a command: shown in brackets. */
const keyless = /^\[.*\]$/;

const helixMenu = (written: string): Keys => written.split(' ').flatMap(helixKeys);

const readers: Readonly<Record<KeyEditor, (written: string) => Keys>> = {
  nvim: vimKeys,
  emacs: emacsKeys,
  helix: helixMenu,
  vscode: codeKeys,
  terminal: spokenKeys,
};

const rows: Readonly<Record<KeyEditor, readonly Row[]>> = {
  nvim: [
    ['<C-]>', 'definition', 'Neovim >= 0.8 with gopls', contexts],
    ['[saving]', 'format', 'gopls; your own BufWritePre', contexts],
  ],
  emacs: [
    ['M-.', 'definition', 'xref with gopls', contexts],
    ['[M-x dap-debug]', 'dap-debug', 'dap-mode; its templates "Probelens: package" and "Probelens: tests"', before],
    ['[M-x dap-breakpoint-toggle]', 'dap-breakpoint-toggle', 'dap-mode', before],
    ['[saving]', 'format', 'go-mode or gopls; your own before-save-hook', contexts],
  ],
  helix: [
    ['g d', 'definition', 'Helix with gopls', contexts],
    ['[saving]', 'format', 'Helix with gopls (auto-format)', contexts],
    ['space G l', 'dap_launch', 'Helix', before],
    ['space G b', 'dap_toggle_breakpoint', 'Helix', contexts],
    ['space G c', 'dap_continue', 'Helix', session],
    ['space G h', 'dap_pause', 'Helix', session],
    ['space G n', 'dap_next', 'Helix', session],
    ['space G i', 'dap_step_in', 'Helix', session],
    ['space G o', 'dap_step_out', 'Helix', session],
    ['space G t', 'dap_terminate', 'Helix', session],
    ['space G r', 'dap_restart', 'Helix', session],
    ['space a', 'code_action', 'Helix', contexts],
    [':debug-start tests', 'tests', 'Helix, with the template of ours', before],
  ],
  vscode: [
    ['f5', 'workbench.action.debug.start', 'VS Code', before],
    ['f5', 'workbench.action.debug.continue', 'VS Code', session],
    ['shift+f5', 'workbench.action.debug.stop', 'VS Code', session],
    ['ctrl+shift+f5', 'workbench.action.debug.restart', 'VS Code', session],
    ['f6', 'workbench.action.debug.pause', 'VS Code', session],
    ['f9', 'editor.debug.action.toggleBreakpoint', 'VS Code', before],
    ['f10', 'workbench.action.debug.stepOver', 'VS Code', session],
    ['f11', 'workbench.action.debug.stepInto', 'VS Code', session],
    ['shift+f11', 'workbench.action.debug.stepOut', 'VS Code', session],
    ['f12', 'definition', 'VS Code with gopls', contexts],
    ['[saving]', 'format', 'the Go extension (editor.formatOnSave)', contexts],
    ['[console: bpf log]', 'verifier', 'the debug console', session],
    ['[Go: Test Package]', 'go.test.package', 'the Go extension', before],
  ],
  terminal: [
    ['Ctrl+C', 'pause', 'the prompt', session],
    ['Ctrl+D', 'quit', 'the prompt', session],
  ],
};

export const ownedBindings = (editor: KeyEditor): readonly Binding[] =>
  rows[editor].map(([written, action, owner, where]) => ({
    editor,
    keys: keyless.test(written) || written.startsWith(':') ? [] : readers[editor](written),
    written,
    file: '',
    line: 0,
    action,
    contexts: where,
    owner,
  }));
