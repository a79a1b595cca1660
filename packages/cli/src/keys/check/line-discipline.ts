/** The kernel's terminal driver: characters that it keeps while a program leaves it its signals and flow control. */
import type { Chord } from '../chord.js';
import { bytesOf, visible } from '../encodings.js';
import { ask } from './ask.js';
import { absent, failed, type LayerReading } from './layer.js';

/** Names of `stty -a` -> what becomes of the key (termios(3)). */
const meanings: Readonly<Record<string, string>> = {
  intr: 'SIGINT',
  quit: 'SIGQUIT',
  susp: 'SIGTSTP',
  start: 'nothing: output goes on',
  stop: 'nothing: output stands still until Ctrl+Q',
};

const flags: Readonly<Record<string, string>> = {
  intr: 'isig',
  quit: 'isig',
  susp: 'isig',
  start: 'ixon',
  stop: 'ixon',
};

/** Text of `stty -a`. */
export const lineDiscipline = (text: string): LayerReading => {
  const isOn = (flag: string): boolean => new RegExp(`(^|[\\s;])${flag}\\b`, 'm').test(text);
  const kept = new Map(
    [...text.matchAll(/\b(\w+) = (\^.|[^;\s]+);/g)]
      .filter(([, name = '']) => meanings[name] !== undefined && isOn(flags[name] ?? ''))
      .map(([, name = '', character = '']) => [character, name] as const),
  );
  const claim = (chord: Chord) => {
    const bytes = bytesOf(chord, 'legacy');
    const name = bytes === undefined ? undefined : kept.get(visible(bytes));
    if (name === undefined) return undefined;
    const isFlow = name === 'start' || name === 'stop';
    return {
      layer: 'kernel' as const,
      taker: `the terminal driver (${name})`,
      // Editors and `probelens debug` take signals themselves (raw mode); few touch flow control.
      lost: isFlow,
      arrives: isFlow ? (meanings[name] ?? '') : `in raw mode; else ${meanings[name] ?? ''}`,
      cure: isFlow ? 'stty -ixon' : undefined,
    };
  };
  return {
    layer: 'kernel',
    source: 'stty -a',
    state: 'read',
    detail: [...kept].map(([key, name]) => `${name} ${key}`).join(', '),
    claim,
  };
};

export const readLineDiscipline = async (isTerminal: boolean): Promise<LayerReading> => {
  if (!isTerminal) return absent('kernel', 'stty', 'stdin is no terminal');
  const answer = await ask('stty', ['-a'], { terminal: true });
  if (answer.kind === 'said') return lineDiscipline(answer.text);
  return answer.kind === 'missing' ? absent('kernel', 'stty', 'not installed') : failed('kernel', 'stty', answer.why);
};
