/** What a person's own configuration does with the keys: Neovim and Emacs are asked, files of the others are read. */
import { basename, join } from 'node:path';
import { textOf } from '../../editor-check/disk.js';
import { fieldsOf, listOf, parseJsonc } from '../../editor-check/jsonc.js';
import { codeSettings, configHome } from '../../editor-check/places.js';
import type { Binding, KeyEditor } from '../binding.js';
import { keysText } from '../chord.js';
import { helixBindings } from '../helix.js';
import { codeBindings } from '../vscode.js';
import { type Answer, ask } from './ask.js';
import { configurationOf, unreadable } from './configuration-file.js';
import type { LayerReading } from './layer.js';

/** Key, as `keysText` has it -> what the person has there. */
export interface EditorReading extends Omit<LayerReading, 'claim'> {
  readonly theirs: ReadonlyMap<string, string>;
}

const reading = (
  source: string,
  state: EditorReading['state'],
  detail: string,
  theirs: EditorReading['theirs'] = new Map(),
): EditorReading => ({ layer: 'editor', source, state, detail, theirs });

const started = (answer: Exclude<Answer, { readonly kind: 'said' }>, source: string): EditorReading =>
  answer.kind === 'missing' ? reading(source, 'absent', 'not installed') : reading(source, 'failed', answer.why);

/** Each line that the editor answers is {written, theirs}; what it prints besides is its own. */
const answered = (text: string, bindings: readonly Binding[]): EditorReading['theirs'] => {
  const said = text
    .split('\n')
    .filter((line) => line.startsWith('{"probelens":'))
    .map((line) => fieldsOf(fieldsOf(JSON.parse(line)).probelens));
  const keyOf = new Map(bindings.map(({ written, keys }) => [written, keysText(keys)]));
  return new Map(
    said.flatMap(({ written, theirs }) => {
      const key = keyOf.get(String(written));
      return key === undefined || typeof theirs !== 'string' || theirs === '' ? [] : [[key, theirs] as const];
    }),
  );
};

const neovimScript = `lua
for _, written in ipairs(vim.fn.json_decode(vim.env.PROBELENS_KEYS)) do
  local map = vim.fn.maparg(written, 'n', false, true)
  local desc = map.desc or ''
  if next(map) and desc:sub(1, 11) ~= 'Probelens: ' then
    io.stdout:write('\\n' .. vim.fn.json_encode({ probelens = { written = written, theirs = desc ~= '' and desc or map.rhs or 'a function' } }) .. '\\n')
  end
end`;

/** Of Neovim up to 0.10, and of later ones; then the message, some with the place before it. */
const troubleLine = /^Error (?:detected while processing|in) (\S+?):?\s*$/m;

const neovimTrouble = (complaints: string): string | undefined => {
  const found = troubleLine.exec(complaints);
  if (found === null) return undefined;
  const said = complaints
    .slice(found.index + found[0].length)
    .split('\n')
    .map((line) => line.trim());
  const message = said.find((line) => /\bE\d+: /.test(line)) ?? said.find((line) => line !== '');
  return stopsWith(found[1] ?? '', message ?? 'it does not say which');
};

const stopsWith = (file: string, message: string): string =>
  `${file} stops with an error, so what it would bind is not known: ${message}`;

const neovim = async (bindings: readonly Binding[]): Promise<EditorReading> => {
  const env = { PROBELENS_KEYS: JSON.stringify(bindings.map(({ written }) => written)) };
  const script = neovimScript.replace('lua\n', '').replaceAll('\n', ' ');
  const answer = await ask('nvim', ['--headless', '-i', 'NONE', '-n', '-c', `lua ${script}`, '-c', 'qall!'], { env });
  if (answer.kind !== 'said') return started(answer, 'nvim');
  const theirs = answered(answer.text, bindings);
  const closed = unreadable(['init.lua', 'init.vim'].map((name) => join(configHome(), 'nvim', name)));
  const trouble = closed === undefined ? neovimTrouble(answer.complaints) : `${closed}: you may not read it`;
  if (trouble !== undefined) return reading('nvim --headless', 'failed', trouble, theirs);
  return reading('nvim --headless', 'read', `${theirs.size} of these keys are mapped`, theirs);
};

/** Its own commands and those of packages; ours are told by their names. */
const emacsProgram = `(progn
  (require 'json)
  (let ((file (seq-find #'file-exists-p (list (expand-file-name "init.el" user-emacs-directory) "~/.emacs" "~/.emacs.el"))))
    (when file
      (condition-case problem (load file nil t t)
        (error (princ (format "\\n%s\\n" (json-encode (list (cons "probelens"
          (list (cons "file" file) (cons "problem" (error-message-string problem))))))))))))
  (dolist (written (append (json-parse-string (getenv "PROBELENS_KEYS")) nil))
    (let ((binding (lookup-key global-map (kbd written))))
      (when (and binding (not (numberp binding)))
        (let ((name (cond ((symbolp binding) (symbol-name binding)) ((keymapp binding) "a prefix") (t "a command"))))
          (unless (string-prefix-p "probelens" name)
            (princ (format "\\n%s\\n" (json-encode (list (cons "probelens" (list (cons "written" written) (cons "theirs" name)))))))))))))`;

const emacsTrouble = (text: string): string | undefined => {
  const told = text
    .split('\n')
    .filter((line) => line.startsWith('{"probelens":'))
    .map((line) => fieldsOf(fieldsOf(JSON.parse(line)).probelens))
    .find(({ problem }) => typeof problem === 'string');
  return told && stopsWith(String(told.file), String(told.problem));
};

const emacs = async (bindings: readonly Binding[]): Promise<EditorReading> => {
  // Of "C-c p k" the prefix tells as well: projectile has it.
  const prefixes = bindings.flatMap(({ written }) => {
    const words = written.split(' ');
    return words.length > 2 ? [words.slice(0, 2).join(' ')] : [];
  });
  const written = [...new Set([...bindings.map((each) => each.written), ...prefixes])];
  const args = ['--batch', '--eval', emacsProgram];
  const answer = await ask('emacs', args, { env: { PROBELENS_KEYS: JSON.stringify(written) } });
  if (answer.kind !== 'said') return started(answer, 'emacs');
  const trouble = emacsTrouble(answer.text);
  if (trouble !== undefined) return reading('emacs --batch', 'failed', trouble);
  const found = answered(answer.text, bindings);
  const all = new Map(found);
  const prefixText = /"written":"(C-c \S+)","theirs":"([^"]+)"/g;
  for (const [, prefix = '', theirs = ''] of answer.text.matchAll(prefixText)) {
    for (const each of bindings) if (each.written.startsWith(`${prefix} `)) all.set(keysText(each.keys), theirs);
  }
  return reading('emacs --batch', 'read', `${all.size} of these keys are bound`, all);
};

const fromFile = (
  candidates: readonly string[],
  parse: (file: string, text: string) => readonly Binding[],
  shipped: readonly Binding[],
): EditorReading => {
  const path = candidates.find((each) => configurationOf(each) !== undefined);
  const file = path === undefined ? undefined : configurationOf(path);
  if (path === undefined || file === undefined) return reading(candidates[0] ?? '', 'absent', 'there is none');
  if (!file.ok) return reading(path, 'failed', file.why);
  try {
    const ours = new Map(shipped.map((each) => [keysText(each.keys), each.action]));
    const foreign = parse(basename(path), file.text).filter(({ keys, action }) => {
      const own = ours.get(keysText(keys));
      return own !== undefined && own !== action;
    });
    const theirs = new Map(foreign.map(({ keys, action }) => [keysText(keys), action]));
    return reading(path, 'read', `${theirs.size} of these keys are bound to something else`, theirs);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return reading(path, 'failed', `it has an error: ${error.message}`);
  }
};

/** @param shipped what we bind there. */
export const readKeysOf = async (editor: KeyEditor, shipped: readonly Binding[]): Promise<EditorReading> => {
  switch (editor) {
    case 'nvim':
      return await neovim(shipped);
    case 'emacs':
      return await emacs(shipped);
    case 'helix':
      return fromFile([join(configHome(), 'helix/config.toml')], helixBindings, shipped);
    case 'vscode':
      return fromFile(
        codeSettings().map((place) => join(place, 'keybindings.json')),
        codeBindings,
        shipped,
      );
    case 'terminal':
      return reading('probelens debug', 'read', 'it reads keys itself');
  }
};

/** preLaunchTask and postDebugTask of launch.json that no task has as its label. */
export const missingTasks = (folder: string): readonly string[] => {
  const [launch, tasks] = ['launch.json', 'tasks.json'].map((name) => textOf(join(folder, name)));
  if (launch === undefined) return [];
  const labels = new Set(listOf(fieldsOf(parsed(tasks ?? '{}')).tasks).map((task) => fieldsOf(task).label));
  return listOf(fieldsOf(parsed(launch)).configurations)
    .map(fieldsOf)
    .flatMap(({ preLaunchTask, postDebugTask }) => [preLaunchTask, postDebugTask])
    .filter((name) => typeof name === 'string')
    .filter((name) => !labels.has(name));
};

/** A file that cannot be read is told by the check of its own. */
const parsed = (text: string): unknown => {
  try {
    return parseJsonc(text);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
};
