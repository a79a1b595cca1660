/**
 * Keys with a meaning of their own, besides those of the line editor. Each is listed with every way in which terminals
 * send it: xterm's, rxvt's and the console's numbering, and CSI-u (the kitty protocol, xterm's modifyOtherKeys), where
 * letters are told as code point and modifiers (1 + shift 1, alt 2, ctrl 4). A terminal that sends none of these leaves
 * the command, which does the same. To add a key, add a line: what it does is written as a person would type it.
 */

export interface Key {
  readonly name: string;
  readonly sequences: readonly string[];
  /** Commands, one after the other. */
  readonly does: readonly string[];
}

const esc = '\u001b';

export const keys: readonly Key[] = [
  { name: 'F5', sequences: [`${esc}[15~`, `${esc}[[E`], does: ['continue'] },
  // Shift+F5 is F17 for terminfo.
  { name: 'Shift+F5', sequences: [`${esc}[15;2~`, `${esc}[28~`, `${esc}[31~`], does: ['quit'] },
  { name: 'Ctrl+Shift+F5', sequences: [`${esc}[15;6~`], does: ['restart'] },
  { name: 'F6', sequences: [`${esc}[17~`], does: ['pause'] },
  { name: 'F7', sequences: [`${esc}[18~`], does: ['probehere'] },
  { name: 'F8', sequences: [`${esc}[19~`], does: ['nextload'] },
  { name: 'F9', sequences: [`${esc}[20~`], does: ['toggle'] },
  { name: 'F10', sequences: [`${esc}[21~`], does: ['next'] },
  { name: 'F11', sequences: [`${esc}[23~`], does: ['step'] },
  { name: 'Shift+F11', sequences: [`${esc}[23;2~`, `${esc}[23$`], does: ['stepout'] },
  { name: 'Ctrl+\\', sequences: ['\u001c', `${esc}[92;5u`, `${esc}[27;5;92~`], does: ['capture', 'quit now'] },
  { name: 'Ctrl+T', sequences: ['\u0014', `${esc}[116;5u`, `${esc}[27;5;116~`], does: ['capture'] },
  // Terminals that have no CSI-u send Ctrl+Shift+B as Ctrl+B, which moves the cursor: hence F7 and F8.
  {
    name: 'Ctrl+Shift+B',
    sequences: [`${esc}[98;6u`, `${esc}[66;6u`, `${esc}[27;6;66~`, `${esc}[27;6;98~`],
    does: ['nextload'],
  },
  {
    name: 'Ctrl+Shift+K',
    sequences: [`${esc}[107;6u`, `${esc}[75;6u`, `${esc}[27;6;75~`, `${esc}[27;6;107~`],
    does: ['probehere'],
  },
  { name: 'Alt+L', sequences: [`${esc}l`, `${esc}[108;3u`, `${esc}[27;3;108~`], does: ['verifier'] },
];

export type Typed = { readonly text: string } | { readonly key: Key };

const bySequence = new Map(keys.flatMap((key) => key.sequences.map((sequence) => [sequence, key] as const)));
const longest = Math.max(...[...bySequence.keys()].map(({ length }) => length));

const beginsOne = (text: string): boolean => {
  for (const sequence of bySequence.keys()) if (sequence.length > text.length && sequence.startsWith(text)) return true;
  return false;
};

/**
 * Tells keys from text in what a terminal sends, however it is cut into pieces. The beginning of a sequence is held back
 * until more comes; alone it means nothing to the line editor either.
 */
export class KeyReader {
  #held = '';

  push(chunk: string): readonly Typed[] {
    const all = this.#held + chunk;
    this.#held = '';
    const typed: Typed[] = [];
    let text = '';
    let at = 0;
    const endText = (): void => {
      if (text !== '') typed.push({ text });
      text = '';
    };
    while (at < all.length) {
      const found = this.#keyAt(all, at);
      if (found !== undefined) {
        endText();
        typed.push({ key: found.key });
        at += found.length;
      } else if (beginsOne(all.slice(at))) {
        this.#held = all.slice(at);
        break;
      } else {
        text += all.charAt(at);
        at += 1;
      }
    }
    endText();
    return typed;
  }

  #keyAt(all: string, at: number): { readonly key: Key; readonly length: number } | undefined {
    for (let length = Math.min(longest, all.length - at); length > 0; length--) {
      const key = bySequence.get(all.slice(at, at + length));
      if (key !== undefined) return { key, length };
    }
    return undefined;
  }
}
