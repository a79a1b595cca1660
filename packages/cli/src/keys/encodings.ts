/**
 * What terminals send for a chord. Legacy: ECMA-48 and xterm's function keys (ctlseqs, "PC-Style Function Keys"). CSI-u:
 * what xterm sends with modifyOtherKeys and formatOtherKeys=1, and tmux with extended-keys. kitty: its keyboard protocol with
 * the flag "disambiguate" (sw.kovidgoyal.net/kitty/keyboard-protocol).
 */
import { type Chord, chord, chordText, type Keys } from './chord.js';

export const encodingNames = ['legacy', 'csiU', 'kitty'] as const;
export type EncodingName = (typeof encodingNames)[number];

const esc = '\u001b';

/** Numbers before "~"; F1 to F4 are letters. */
const functionNumbers: Readonly<Record<string, number>> = {
  F5: 15,
  F6: 17,
  F7: 18,
  F8: 19,
  F9: 20,
  F10: 21,
  F11: 23,
  F12: 24,
};
const functionLetters: Readonly<Record<string, string>> = { F1: 'P', F2: 'Q', F3: 'R', F4: 'S' };
const arrowLetters: Readonly<Record<string, string>> = { Up: 'A', Down: 'B', Right: 'C', Left: 'D' };
const controls: Readonly<Record<string, number>> = { Enter: 13, Esc: 27, Tab: 9, Backspace: 127, Space: 32 };

const modifierOf = ({ shift, alt, ctrl }: Chord): number => 1 + Number(shift) + 2 * Number(alt) + 4 * Number(ctrl);

/** terminfo counts on: F13 is Shift+F1, F25 is Ctrl+F1, F37 Ctrl+Shift+F1 (kf13, kf25, kf37 of xterm). */
const fromTerminfo = (asked: Chord): Chord => {
  const number = Number(/^F(\d+)$/.exec(asked.key)?.[1] ?? 0);
  if (number <= 12) return asked;
  const group = Math.floor((number - 1) / 12);
  return { ...asked, key: `F${((number - 1) % 12) + 1}`, shift: group === 1 || group === 3, ctrl: group >= 2 };
};

const functionKey = (pressed: Chord): string | undefined => {
  const modifier = modifierOf(pressed);
  const number = functionNumbers[pressed.key];
  if (number !== undefined) return `${esc}[${number}${modifier === 1 ? '' : `;${modifier}`}~`;
  const letter = functionLetters[pressed.key];
  if (letter !== undefined) return modifier === 1 ? `${esc}O${letter}` : `${esc}[1;${modifier}${letter}`;
  const arrow = arrowLetters[pressed.key];
  return arrow === undefined ? undefined : `${esc}[${modifier === 1 ? '' : `1;${modifier}`}${arrow}`;
};

const legacyChord = (asked: Chord): string | undefined => {
  const pressed = fromTerminfo(asked);
  const special = functionKey(pressed);
  if (special !== undefined) return special;
  const { ctrl, alt, shift, key } = pressed;
  const prefix = alt ? esc : '';
  const control = controls[key];
  if (control !== undefined) {
    if (key === 'Space' && ctrl) return `${prefix}\0`;
    return ctrl || (shift && key !== 'Space') ? undefined : prefix + String.fromCharCode(control);
  }
  if ([...key].length !== 1) return undefined;
  if (!ctrl) return prefix + (shift || !alt ? key : key.toLowerCase());
  // The byte has no bit for Shift: Ctrl+Shift+K is Ctrl+K.
  if (shift || !/[A-Z@[\\\]^_]/.test(key)) return undefined;
  return prefix + String.fromCharCode(key.charCodeAt(0) & 0x1f);
};

const unicodeChord = (asked: Chord, kitty: boolean): string | undefined => {
  const pressed = fromTerminfo(asked);
  // kitty has no F3 as a letter: its CSI R would be a cursor report.
  if (kitty && pressed.key === 'F3') return `${esc}[13${modifierOf(pressed) === 1 ? '' : `;${modifierOf(pressed)}`}~`;
  const special = functionKey(pressed);
  if (special !== undefined) return special;
  const { ctrl, alt, shift, key } = pressed;
  const isBare = !ctrl && !alt;
  const control = controls[key];
  if (isBare && (control === undefined || !shift)) return kitty && key === 'Esc' ? `${esc}[27u` : legacyChord(pressed);
  if (control === undefined && [...key].length !== 1) return undefined;
  // kitty names the key without Shift, xterm the character with it.
  const code = control ?? (kitty || !shift ? key.toLowerCase() : key).codePointAt(0);
  return `${esc}[${code};${modifierOf(pressed)}u`;
};

/** Bytes of a chord, as a string of code points below 256 for keyboards in English; undefined: it cannot be sent. */
export const bytesOf = (pressed: Chord, encoding: EncodingName): string | undefined =>
  encoding === 'legacy' ? legacyChord(pressed) : unicodeChord(pressed, encoding === 'kitty');

/** Of a sequence; undefined where one of its chords cannot be sent. */
export const sequenceOf = (keys: Keys, encoding: EncodingName): string | undefined => {
  const parts = keys.map((each) => bytesOf(each, encoding));
  return parts.includes(undefined) ? undefined : parts.join('');
};

/** What a program takes the chord for where the terminal cannot send it: "Ctrl+K" for Ctrl+Shift+K. */
export const arrivesAs = (pressed: Chord): string | undefined => {
  if (legacyChord(pressed) !== undefined) return undefined;
  const without = { ...pressed, shift: false };
  if (pressed.shift && legacyChord(without) !== undefined) return chordText(without);
  const bare = { ...pressed, ctrl: false, shift: false };
  return legacyChord(bare) === undefined ? undefined : chordText(bare);
};

/** Control characters as people write them: "^[[15~". */
export const visible = (text: string): string =>
  [...text]
    .map((character) => {
      const code = character.charCodeAt(0);
      if (code === 127) return '^?';
      return code < 32 ? `^${String.fromCharCode(code + 64)}` : character;
    })
    .join('');

const modified = (modifier: number, key: string): string => {
  const bits = modifier - 1;
  const letters = `${bits & 1 ? 'S' : ''}${bits & 2 ? 'A' : ''}${bits & 4 ? 'C' : ''}`;
  return chordText(chord(letters, key));
};

const controlName = (code: number): string => {
  const known: Readonly<Record<number, string>> = {
    0: 'Ctrl+Space',
    9: 'Tab, or Ctrl+I',
    13: 'Enter, or Ctrl+M',
    27: 'Esc, or Ctrl+[',
    31: 'Ctrl+_, or Ctrl+/',
    127: 'Backspace',
  };
  return known[code] ?? `Ctrl+${String.fromCharCode(code + 64)}`;
};

const tildes: ReadonlyMap<number, string> = new Map([
  ...Object.entries(functionNumbers).map(([name, number]) => [number, name] as const),
  ...([11, 12, 13, 14] as const).map((number, index) => [number, `F${index + 1}`] as const),
  ...([25, 26, 28, 29, 31, 32, 33, 34] as const).map((number, index) => [number, `F${index + 13}`] as const),
  [1, 'Home'],
  [2, 'Insert'],
  [3, 'Delete'],
  [4, 'End'],
  [5, 'PageUp'],
  [6, 'PageDown'],
]);

const finals: ReadonlyMap<string, string> = new Map([
  ...[functionLetters, arrowLetters].flatMap((table) =>
    Object.entries(table).map(([name, letter]) => [letter, name] as const),
  ),
  ['H', 'Home'],
  ['F', 'End'],
]);

const codeName = (code: number): string =>
  Object.entries(controls).find(([, control]) => control === code)?.[0] ?? String.fromCodePoint(code);

export type KeyNames = Readonly<Record<EncodingName, string | undefined>>;

const none: KeyNames = { legacy: undefined, csiU: undefined, kitty: undefined };
const everywhere = (name: string): KeyNames => ({ legacy: name, csiU: name, kitty: name });
const only = (name: string): KeyNames => ({ ...none, csiU: name, kitty: name });

const controlSequence = (sequence: string): KeyNames | undefined => {
  const letter = new RegExp(`^${esc}O([A-Z])$`).exec(sequence)?.[1];
  const asLetter = letter === undefined ? undefined : finals.get(letter);
  if (asLetter !== undefined) return everywhere(asLetter);
  const found = new RegExp(`^${esc}\\[([\\d;:]*)([~A-Zu])$`).exec(sequence);
  if (found === null) return undefined;
  const [first = Number.NaN, second = 1, third = Number.NaN] = (found[1] ?? '')
    .split(';')
    .map((part) => Number(part.split(':')[0]));
  if (found[2] === 'u') return only(modified(second, codeName(first)));
  if (found[2] === '~' && first === 27) return { ...none, csiU: modified(second, codeName(third)) };
  const name = found[2] === '~' ? tildes.get(first) : finals.get(found[2] ?? '');
  if (name === undefined) return undefined;
  const said = modified(second, name);
  // kitty keeps no numbers beyond F12, and 13 is its F3.
  return first > 24 ? { ...everywhere(said), kitty: undefined } : everywhere(said);
};

/** One sequence, as `splitSequences` gives them -> its name in each encoding; undefined where it has none there. */
export const namesOf = (sequence: string): KeyNames => {
  const found = controlSequence(sequence);
  if (found !== undefined) return found;
  const isAlt = sequence.startsWith(esc) && sequence.length > 1;
  const rest = isAlt ? sequence.slice(1) : sequence;
  if ([...rest].length !== 1) return none;
  const code = rest.codePointAt(0) ?? 0;
  const isControl = code < 32 || code === 127;
  const name = isControl ? controlName(code) : code === 32 ? 'Space' : rest;
  if (isAlt) {
    const plus = isControl ? `Alt+${name}`.replace(/^Alt\+Ctrl\+/, 'Ctrl+Alt+') : chordText(chord('A', name));
    return { ...none, legacy: plus, csiU: plus };
  }
  // With "disambiguate" kitty sends Ctrl+letters and Esc as CSI u; Enter, Tab and Backspace stay.
  const stays = !isControl || code === 9 || code === 13 || code === 127;
  return { legacy: name, csiU: name, kitty: stays ? (isControl ? name.split(',')[0] : name) : undefined };
};

/** Whole sequences of a text, and an unfinished one at its end ("" where there is none). */
export const splitSequences = (text: string): { readonly whole: readonly string[]; readonly rest: string } => {
  const whole: string[] = [];
  const pattern = new RegExp(`${esc}\\[[0-?]*[ -/]*[@-~]|${esc}O[@-~]|${esc}[^\\[O]|[^${esc}]`, 'yu');
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) break;
    whole.push(found);
    at += found.length;
  }
  return { whole, rest: text.slice(at) };
};
