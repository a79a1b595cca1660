/** What a terminal sends, however it is cut into pieces. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyReader, keys, type Typed } from '../src/terminal/keys.js';

const told = (typed: readonly Typed[]): readonly string[] =>
  typed.map((each) => ('key' in each ? `<${each.key.name}>` : each.text));

const joined = (pieces: readonly string[]): string => {
  const reader = new KeyReader();
  return pieces.flatMap((piece) => told(reader.push(piece))).join('');
};

const esc = '\u001b';

describe('keys', () => {
  it('are those of xterm, of terminfo and of CSI-u', () => {
    expect(joined([`a${esc}[15~b`])).toBe('a<F5>b');
    expect(joined([`${esc}[31~`])).toBe('<Shift+F5>');
    expect(joined([`${esc}[92;5u`, '\u001c'])).toBe('<Ctrl+\\><Ctrl+\\>');
    expect(joined([`${esc}[20~${esc}[21~${esc}[23~`])).toBe('<F9><F10><F11>');
  });

  it('leave to the line editor what is its own', () => {
    for (const text of [`${esc}[A`, `${esc}[3~`, `${esc}b`, '\u0001', 'brea\t', `${esc}[1;5D`, 'größe'])
      expect(joined([text])).toBe(text);
  });

  it('have one meaning each, and none begins another', () => {
    const sequences = keys.flatMap((key) => key.sequences);
    expect(new Set(sequences).size).toBe(sequences.length);
    for (const one of sequences)
      expect(sequences.filter((other) => other !== one && other.startsWith(one))).toEqual([]);
  });

  it('are found wherever the stream was cut', () => {
    const item = fc.oneof(
      fc.constantFrom(
        ...keys.flatMap((key) => key.sequences.map((sequence) => ({ sent: sequence, told: `<${key.name}>` }))),
      ),
      fc.constantFrom('x', ' ', '\r', `${esc}[A`, 'ü').map((text) => ({ sent: text, told: text })),
    );
    fc.assert(
      fc.property(fc.array(item), fc.array(fc.nat(60)), (items, cuts) => {
        const sent = items.map((each) => each.sent).join('');
        const places = [...new Set(cuts.map((cut) => Math.min(cut, sent.length)))].sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, index) => sent.slice(from, places[index] ?? sent.length));
        expect(joined(pieces)).toBe(items.map((each) => each.told).join(''));
      }),
    );
  });
});
