/** A key as people say it, and as each editor's configuration writes it. */

export interface Chord {
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  /** "F5", "Enter", "Leader", or one character; letters with Ctrl or Alt in upper case. */
  readonly key: string;
}

/** One chord after the other. */
export type Keys = readonly Chord[];

const plain = { ctrl: false, alt: false, shift: false } as const;

/** Every spelling in lower case -> ours. */
const names: Readonly<Record<string, string>> = {
  cr: 'Enter',
  ret: 'Enter',
  return: 'Enter',
  enter: 'Enter',
  esc: 'Esc',
  escape: 'Esc',
  tab: 'Tab',
  spc: 'Space',
  space: 'Space',
  bs: 'Backspace',
  del: 'Backspace',
  backspace: 'Backspace',
  leader: 'Leader',
  localleader: 'LocalLeader',
  bslash: '\\',
  lt: '<',
  up: 'Up',
  down: 'Down',
  left: 'Left',
  right: 'Right',
};

const baseKey = (text: string): string => {
  const lower = text.toLowerCase();
  if (/^f\d{1,2}$/.test(lower)) return lower.toUpperCase();
  return names[lower] ?? text;
};

/** A chord from its modifiers, as letters C, M or A, S, and the key. */
export const chord = (modifiers: string, text: string): Chord => {
  const has = (letters: string): boolean => [...modifiers.toUpperCase()].some((letter) => letters.includes(letter));
  const ctrl = has('C');
  const alt = has('MA');
  const key = baseKey(text);
  const isLetter = /^[a-z]$/i.test(key);
  // Emacs' M-L and Vim's <A-L> are the shifted key; with Ctrl no editor tells the case.
  const shift = has('S') || (alt && !ctrl && /^[A-Z]$/.test(key));
  return { ctrl, alt, shift, key: isLetter && (ctrl || alt || shift) ? key.toUpperCase() : key };
};

export const chordText = ({ ctrl, alt, shift, key }: Chord): string =>
  `${ctrl ? 'Ctrl+' : ''}${alt ? 'Alt+' : ''}${shift ? 'Shift+' : ''}${key}`;

/** "Ctrl+Shift+K", "Ctrl+C p k". */
export const keysText = (keys: Keys): string => keys.map(chordText).join(' ');

const dashed = (text: string): Chord => {
  const found = /^((?:[CSMAD]-)*)(.+)$/i.exec(text);
  return chord((found?.[1] ?? '').replaceAll('-', ''), found?.[2] ?? text);
};

/** Neovim: "<leader>pk", "<C-S-k>". */
export const vimKeys = (written: string): Keys =>
  [...written.matchAll(/<([^<>\s]+)>|([\s\S])/g)].map(([, special, character]) =>
    special === undefined ? { ...plain, key: character === ' ' ? 'Space' : (character ?? '') } : dashed(special),
  );

/** Emacs' `kbd`: "C-c p", "S-<f5>". */
export const emacsKeys = (written: string): Keys =>
  written
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => dashed(word.replace(/<([^<>]+)>$/, '$1')));

/** Helix: "C-S-k", "S-F11". */
export const helixKeys = (written: string): Keys => [dashed(written)];

/** VS Code: "ctrl+shift+k", "ctrl+k ctrl+s". */
export const codeKeys = (written: string): Keys =>
  written.split(' ').map((word) => {
    const parts = word.split(/\+(?=.)/);
    const letters: Readonly<Record<string, string>> = { ctrl: 'C', alt: 'A', shift: 'S', meta: 'D', cmd: 'D' };
    return chord(
      parts
        .slice(0, -1)
        .map((part) => letters[part] ?? '')
        .join(''),
      parts.at(-1) ?? '',
    );
  });

/** As this command prints them: "Ctrl+Shift+F5", "Ctrl+\". A letter behind a modifier is in upper case, and not shifted. */
export const spokenKeys = (spoken: string): Keys =>
  spoken.split(' ').flatMap((word) => {
    const modifiers = /^(?:(?:ctrl|alt|shift)\+)+(?=.)/i.exec(word)?.[0] ?? '';
    const key = word.slice(modifiers.length);
    return codeKeys(modifiers.toLowerCase() + (modifiers !== '' && /^[A-Z]$/.test(key) ? key.toLowerCase() : key));
  });
