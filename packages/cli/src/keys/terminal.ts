/** Keys of `probelens debug`, from the table that it works by. */
import { terminalKeys } from '@probelens/dap';
import type { Binding } from './binding.js';
import { spokenKeys } from './chord.js';

export const terminalBindings = (): readonly Binding[] =>
  terminalKeys.map(({ name, does }) => ({
    editor: 'terminal',
    keys: spokenKeys(name),
    written: name,
    file: 'probelens debug',
    line: 0,
    action: does.join(', '),
    contexts: ['Delve session', 'probe-only session'],
    owner: 'probelens',
  }));
