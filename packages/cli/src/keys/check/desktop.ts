/** Shortcuts of the desktop: GNOME's settings, KDE's file, and the configuration of i3 and sway. */
import { join } from 'node:path';
import { textOf } from '../../editor-check/disk.js';
import { configHome } from '../../editor-check/places.js';
import { type Chord, chord, chordText } from '../chord.js';
import { ask } from './ask.js';
import { absent, failed, type LayerReading } from './layer.js';

/** Key -> what the desktop does with it. */
type Shortcuts = ReadonlyMap<string, string>;

const modifierLetters: Readonly<Record<string, string>> = {
  primary: 'C',
  control: 'C',
  ctrl: 'C',
  shift: 'S',
  alt: 'A',
  mod1: 'A',
};

/** Undefined where a modifier is none that terminals know (Super). */
const chordOf = (modifiers: readonly string[], key: string): string | undefined => {
  const letters = modifiers.map((each) => modifierLetters[each.toLowerCase()]);
  return letters.includes(undefined) ? undefined : chordText(chord(letters.join(''), key));
};

/** `gsettings list-recursively`: schema key ['<Primary><Alt>F5', ...]. */
export const gnomeShortcuts = (text: string): Shortcuts =>
  new Map(
    text.split('\n').flatMap((line) => {
      const [, name = '', ...rest] = line.split(' ');
      return [...rest.join(' ').matchAll(/'((?:<\w+>)*)([^'<>]+)'/g)].flatMap(([, modifiers = '', key = '']) => {
        const found = chordOf(
          [...modifiers.matchAll(/<(\w+)>/g)].map(([, each = '']) => each),
          key,
        );
        return found === undefined ? [] : [[found, name] as const];
      });
    }),
  );

/** kglobalshortcutsrc: action=Alt+F4,default,Description; several keys are divided by tabs written as \t. */
export const kdeShortcuts = (text: string): Shortcuts =>
  new Map(
    [...text.matchAll(/^(?!_k_)([^=[\]\n]+)=([^,\n]*),/gm)].flatMap(([, name = '', keys = '']) =>
      keys.split('\\t').flatMap((each) => {
        const parts = each.split('+');
        const found = chordOf(parts.slice(0, -1), parts.at(-1) ?? '');
        return found === undefined || each === '' || each === 'none' ? [] : [[found, name] as const];
      }),
    ),
  );

/** i3 and sway: bindsym [--flags] Ctrl+Shift+k command. */
export const swayShortcuts = (text: string): Shortcuts =>
  new Map(
    [...text.matchAll(/^\s*bindsym\s+(?:--\S+\s+)*(\S+)\s+(.+)$/gm)].flatMap(([, keys = '', command = '']) => {
      const parts = keys.split('+');
      const found = chordOf(parts.slice(0, -1), parts.at(-1) ?? '');
      return found === undefined ? [] : [[found, command] as const];
    }),
  );

export const desktopLayer = (source: string, shortcuts: Shortcuts): LayerReading => ({
  layer: 'desktop',
  source,
  state: 'read',
  detail: `${shortcuts.size} shortcuts`,
  claim: (pressed: Chord) => {
    const action = shortcuts.get(chordText(pressed));
    if (action === undefined) return undefined;
    return {
      layer: 'desktop',
      taker: `the desktop (${action})`,
      lost: true,
      arrives: 'nothing',
      cure: `free it in ${source}`,
    };
  },
});

const files: readonly (readonly [string, (text: string) => Shortcuts])[] = [
  ['kglobalshortcutsrc', kdeShortcuts],
  ['i3/config', swayShortcuts],
  ['sway/config', swayShortcuts],
];

const gnomeSchemas = [
  'org.gnome.desktop.wm.keybindings',
  'org.gnome.shell.keybindings',
  'org.gnome.mutter.keybindings',
];

export const readDesktop = async (env: NodeJS.ProcessEnv): Promise<readonly LayerReading[]> => {
  const found = files.flatMap(([name, parse]) => {
    const path = join(configHome(), name);
    const text = textOf(path);
    return text === undefined ? [] : [desktopLayer(path, parse(text))];
  });
  if (/GNOME|Unity|Cinnamon/i.test(env.XDG_CURRENT_DESKTOP ?? '')) {
    const answers = await Promise.all(gnomeSchemas.map((schema) => ask('gsettings', ['list-recursively', schema])));
    const said = answers.flatMap((answer) => (answer.kind === 'said' ? [answer.text] : []));
    if (said.length > 0) found.push(desktopLayer('gsettings', gnomeShortcuts(said.join('\n'))));
    else found.push(failed('desktop', 'gsettings', 'it does not tell the shortcuts of GNOME'));
  }
  return found.length > 0 ? found : [absent('desktop', 'desktop', 'no desktop here whose shortcuts can be read')];
};
