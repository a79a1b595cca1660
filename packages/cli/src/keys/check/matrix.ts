/** The conflict matrix: each key of ours by the layers that it passes on its way to a session. */
import { join } from 'node:path';
import { checkEditor } from '../../editor-check/check.js';
import { textOf } from '../../editor-check/disk.js';
import { findingText } from '../../editor-check/finding.js';
import type { Binding, KeyEditor } from '../binding.js';
import { type Keys, keysText } from '../chord.js';
import { operationOf } from '../operation.js';
import { shippedBindings } from '../table.js';
import { readDesktop } from './desktop.js';
import { type EditorReading, missingTasks, readKeysOf } from './editors.js';
import type { Claim, LayerReading } from './layer.js';
import { readLineDiscipline } from './line-discipline.js';
import { readTerminal } from './terminal-program.js';
import { readTmux } from './tmux.js';

export interface Conflict {
  readonly editor: KeyEditor;
  readonly key: string;
  readonly title: string;
  /** By layer, in the order in which a key passes them. */
  readonly claims: readonly Claim[];
  /** What reaches the session: the key itself where nothing is lost. */
  readonly arrives: string;
  /** Keys of the same editor for the same thing that nobody takes. */
  readonly instead: readonly string[];
}

export interface KeyCheck {
  readonly layers: readonly Omit<LayerReading, 'claim'>[];
  readonly conflicts: readonly Conflict[];
  /** Files of VS Code that do not agree with each other. */
  readonly findings: readonly string[];
  /** What can be done by no key at all: "step over in nvim". */
  readonly unreachable: readonly string[];
}

interface EditorKeys {
  readonly editor: KeyEditor;
  readonly shipped: readonly Binding[];
  readonly reading: EditorReading;
}

const titleOf = ({ action }: Binding): string => operationOf(action)?.title ?? action;

const editorClaim = ({ editor, reading }: EditorKeys, binding: Binding): Claim | undefined => {
  const theirs = reading.theirs.get(keysText(binding.keys));
  if (theirs === undefined) return undefined;
  const isStatic = editor === 'helix' || editor === 'vscode';
  const taker = `the editor (${theirs})`;
  if (isStatic) return { layer: 'editor', taker, lost: true, arrives: theirs, cure: `bind it to ${binding.action}` };
  const arrives = `for ${titleOf(binding)}; ${theirs} is hidden meanwhile`;
  return { layer: 'editor', taker, lost: false, arrives, cure: undefined };
};

/** Without a desktop and a terminal of its own: VS Code's window gets its keys from the desktop alone. */
const passes = (editor: KeyEditor, { layer }: LayerReading): boolean => editor !== 'vscode' || layer === 'desktop';

/** What the leader is, is the person's choice: a key that arrives, or it would not be. */
const sentKeys = ({ keys }: Binding): Keys => keys.filter(({ key }) => key !== 'Leader');

const claimsOn = (keys: EditorKeys, binding: Binding, layers: readonly LayerReading[]): readonly Claim[] => {
  const outside = layers.filter((layer) => passes(keys.editor, layer));
  const claims = outside.flatMap((layer) => sentKeys(binding).flatMap((chord) => layer.claim(chord) ?? []));
  // Neovim, Emacs and Helix turn signals off before anybody types; a prompt is where people expect them.
  const told = claims.filter(({ layer, lost }) => keys.editor === 'terminal' || layer !== 'kernel' || lost);
  return [...told, ...[editorClaim(keys, binding) ?? []].flat()];
};

const isLost = (claims: readonly Claim[]): boolean => claims.some(({ lost }) => lost);

/** Conflicts of one editor, and what is left without a key there. */
const conflictsOf = (
  keys: EditorKeys,
  layers: readonly LayerReading[],
): Pick<KeyCheck, 'conflicts' | 'unreachable'> => {
  const judged = keys.shipped.map((binding) => ({ binding, claims: claimsOn(keys, binding, layers) }));
  const free = (title: string): readonly string[] => [
    ...new Set(
      judged
        .filter(({ binding, claims }) => titleOf(binding) === title && claims.length === 0)
        .map(({ binding }) => keysText(binding.keys)),
    ),
  ];
  const conflicts = judged.flatMap(({ binding, claims }): readonly Conflict[] => {
    if (claims.length === 0) return [];
    const title = titleOf(binding);
    const key = keysText(binding.keys);
    const first = claims.find(({ lost }) => lost);
    return [{ editor: keys.editor, key, title, claims, arrives: first?.arrives ?? key, instead: free(title) }];
  });
  const titles = [...new Set(keys.shipped.map(titleOf))];
  const unreachable = titles
    .filter((title) => judged.every(({ binding, claims }) => titleOf(binding) !== title || isLost(claims)))
    .map((title) => `${title} in ${keys.editor}`);
  return { conflicts: unique(conflicts), unreachable };
};

/** dap-mode and dape bind the same keys. */
const unique = (conflicts: readonly Conflict[]): readonly Conflict[] => [
  ...new Map(conflicts.map((each) => [`${each.key} ${each.title}`, each])).values(),
];

const codeFindings = (folder: string): readonly string[] => {
  if (textOf(join(folder, 'launch.json')) === undefined) return [];
  const file = join(folder, 'launch.json');
  return [
    ...checkEditor('vscode', undefined).map(findingText),
    ...missingTasks(folder).map(
      (name) => `${file}: the task "${name}" is in no tasks.json; add it, or name one that is.`,
    ),
  ];
};

export interface KeyCheckOptions {
  readonly editors: readonly KeyEditor[];
  readonly env: NodeJS.ProcessEnv;
  /** stdin, whose settings `stty` reads. */
  readonly isTerminal: boolean;
  /** That the person works in; VS Code's files are in .vscode below it. */
  readonly folder: string;
}

/** Reads the configuration of this machine and of the person; changes nothing. */
export const checkKeys = async ({ editors, env, isTerminal, folder }: KeyCheckOptions): Promise<KeyCheck> => {
  const [discipline, desktop, terminal, tmux] = await Promise.all([
    readLineDiscipline(isTerminal),
    readDesktop(env),
    readTerminal(env),
    readTmux(env),
  ]);
  const outside = [discipline, ...desktop, terminal, tmux];
  const read: EditorKeys[] = [];
  for (const editor of editors) {
    const shipped = shippedBindings(editor);
    read.push({ editor, shipped, reading: await readKeysOf(editor, shipped) });
  }
  // What is not here has no conflicts here.
  const present = read.filter(({ reading }) => reading.state !== 'absent');
  const judged = present.map((keys) => conflictsOf(keys, outside));
  return {
    layers: [...outside, ...read.map(({ reading }) => reading)].map(({ layer, source, state, detail }) => ({
      layer,
      source,
      state,
      detail,
    })),
    conflicts: judged.flatMap(({ conflicts }) => conflicts),
    findings: editors.includes('vscode') ? codeFindings(join(folder, '.vscode')) : [],
    unreachable: judged.flatMap(({ unreachable }) => unreachable),
  };
};
