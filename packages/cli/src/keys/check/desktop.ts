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

/** Keysyms of X11 that are characters (xkbcommon-keysyms.h). */
const keysyms: Readonly<Record<string, string>> = {
  backslash: '\\',
  bracketleft: '[',
  bracketright: ']',
  comma: ',',
  period: '.',
};

/** Undefined where a modifier is none that terminals know (Super). */
const chordOf = (modifiers: readonly string[], key: string): string | undefined => {
  const letters = modifiers.map((each) => modifierLetters[each.toLowerCase()]);
  return letters.includes(undefined) ? undefined : chordText(chord(letters.join(''), keysyms[key] ?? key));
};

/** Desktops write Alt+L for the key without Shift. */
const ofAnyCase = (key: string): string => (key.length === 1 ? key.toLowerCase() : key);

/** Accelerators of GTK in a value: '<Primary><Alt>F5', alone or in a list. */
const gtkChords = (value: string): readonly string[] =>
  [...value.matchAll(/'((?:<\w+>)*)([^'<>]+)'/g)].flatMap(([, modifiers = '', key = '']) => {
    const written = [...modifiers.matchAll(/<(\w+)>/g)].map(([, each = '']) => each);
    return chordOf(written, ofAnyCase(key)) ?? [];
  });

/** `gsettings list-recursively`: schema key ['<Primary><Alt>F5', ...]. */
export const gnomeShortcuts = (text: string): Shortcuts =>
  new Map(
    text.split('\n').flatMap((line) => {
      const [, name = '', ...rest] = line.split(' ');
      return gtkChords(rest.join(' ')).map((found) => [found, name] as const);
    }),
  );

/** `dconf dump` of a person's own shortcuts: a group for each, with binding='<Primary>F5' and name='...'. */
export const gnomeOwnShortcuts = (text: string): Shortcuts =>
  new Map(
    text.split(/^\[/m).flatMap((group) => {
      const field = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(group)?.[1] ?? '';
      const name = field('name').replace(/^'|'$/g, '');
      return gtkChords(field('binding')).map((found) => [found, name] as const);
    }),
  );

/**
 * kglobalshortcutsrc: action=keys,default,Description, or action=keys alone in the groups [services][...] of Plasma 6;
 * several keys are divided by tabs, written as \t.
 */
export const kdeShortcuts = (text: string): Shortcuts =>
  new Map(
    [...text.matchAll(/^(?!_k_)([^=[\]\n]+)=([^,\n]*)(?:,[^,\n]*,(.*))?$/gm)].flatMap(
      ([, action = '', keys = '', description = '']) =>
        keys.split('\\t').flatMap((each) => {
          // The key itself may be a plus.
          const parts = each.split(/\+(?=.)/);
          const found = chordOf(parts.slice(0, -1), ofAnyCase(parts.at(-1)?.replace('\\\\', '\\') ?? ''));
          const what = description === '' ? action : description;
          return found === undefined || each === '' || each === 'none' ? [] : [[found, what] as const];
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
  'org.gnome.mutter.wayland.keybindings',
  'org.gnome.settings-daemon.plugins.media-keys',
];
const gnomeOwn = '/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/';

const readGnome = async (): Promise<LayerReading> => {
  const answers = await Promise.all(gnomeSchemas.map((schema) => ask('gsettings', ['list-recursively', schema])));
  const said = answers.flatMap((answer) => (answer.kind === 'said' ? [answer.text] : []));
  if (said.length === 0) return failed('desktop', 'gsettings', 'it does not tell the shortcuts of GNOME');
  const own = await ask('dconf', ['dump', gnomeOwn]);
  const shortcuts = gnomeShortcuts(said.join('\n'));
  return desktopLayer('gsettings', new Map([...shortcuts, ...gnomeOwnShortcuts(own.kind === 'said' ? own.text : '')]));
};

export const readDesktop = async (env: NodeJS.ProcessEnv): Promise<readonly LayerReading[]> => {
  const found = files.flatMap(([name, parse]) => {
    const path = join(configHome(), name);
    const text = textOf(path);
    return text === undefined ? [] : [desktopLayer(path, parse(text))];
  });
  if (/GNOME|Unity|Cinnamon/i.test(env.XDG_CURRENT_DESKTOP ?? '')) found.push(await readGnome());
  return found.length > 0 ? found : [absent('desktop', 'desktop', 'no desktop here whose shortcuts can be read')];
};
