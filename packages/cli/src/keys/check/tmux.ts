/** tmux: its prefix, the keys of its root table, and whether it passes on keys that only CSI-u can tell. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { textOf } from '../../editor-check/disk.js';
import { configHome } from '../../editor-check/places.js';
import { type Chord, chordText, helixKeys } from '../chord.js';
import { arrivesAs } from '../encodings.js';
import { ask } from './ask.js';
import { absent, type LayerReading } from './layer.js';

export interface TmuxSettings {
  readonly prefixes: readonly string[];
  readonly extendedKeys: boolean;
  /** Keys of the root table with their commands, as tmux writes them. */
  readonly root: readonly (readonly [key: string, command: string])[];
}

/** C-b, M-F5: as Helix writes them, but for the names of some keys. */
const shown = (key: string): string => helixKeys(key.replace(/^\^/, 'C-')).map(chordText).join(' ');

/** What was set last in a tmux.conf; tmux's defaults (3.x) for the rest. */
export const tmuxFile = (text: string): TmuxSettings => {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const option = (name: string): string | undefined =>
    lines
      .findLast((words) => /^set(-option)?$/.test(words[0] ?? '') && words.at(-2) === name)
      ?.at(-1)
      ?.replace(/['"]/g, '');
  const root = lines.flatMap((words): readonly (readonly [string, string])[] => {
    if (!/^bind(-key)?$/.test(words[0] ?? '')) return [];
    const at = words.findIndex((word) => /^-\w*n$/.test(word)) + 1 || words.indexOf('root') + 1;
    return at === 0 ? [] : [[words[at] ?? '', words.slice(at + 1).join(' ')]];
  });
  return {
    prefixes: [option('prefix') ?? 'C-b', ...[option('prefix2') ?? []].flat()].filter(
      (key) => key.toLowerCase() !== 'none',
    ),
    extendedKeys: /^(on|always)$/.test(option('extended-keys') ?? 'off'),
    root,
  };
};

/** Answers of `show -g`, `show -s` and `list-keys -T root`. */
const tmuxAnswers = (global: string, server: string, keys: string): TmuxSettings => ({
  ...tmuxFile([...global.split('\n'), ...server.split('\n')].map((line) => `set ${line}`).join('\n')),
  root: [...keys.matchAll(/^bind-key\s+(?:-r\s+)?-T root\s+(\S+)\s+(.*)$/gm)].map(([, key = '', command = '']) => [
    key.replace(/^\\(.)$/, '$1'),
    command,
  ]),
});

export const tmuxLayer = (source: string, { prefixes, extendedKeys, root }: TmuxSettings): LayerReading => {
  const taken = new Map([
    ...root.map(([key, command]) => [shown(key), command] as const),
    ...prefixes.map((key) => [shown(key), 'its prefix'] as const),
  ]);
  const claim = (pressed: Chord) => {
    const what = taken.get(chordText(pressed));
    const common = { layer: 'tmux' as const, lost: true };
    if (what !== undefined) {
      const cure = what === 'its prefix' ? 'press it twice, or set another prefix' : `unbind -n it in tmux.conf`;
      return { ...common, taker: `tmux (${what})`, arrives: 'nothing', cure };
    }
    const instead = arrivesAs(pressed);
    if (extendedKeys || instead === undefined) return undefined;
    return { ...common, taker: 'tmux passes no extended keys', arrives: instead, cure: 'tmux set -s extended-keys on' };
  };
  const detail = `prefix ${prefixes.map(shown).join(', ')}, extended-keys ${extendedKeys ? 'on' : 'off'}`;
  return { layer: 'tmux', source, state: 'read', detail, claim };
};

/** The server that runs, else the file that the next one reads. */
export const readTmux = async (env: NodeJS.ProcessEnv): Promise<LayerReading> => {
  const answers = await Promise.all([
    ask('tmux', ['show', '-g']),
    ask('tmux', ['show', '-s']),
    ask('tmux', ['list-keys', '-T', 'root']),
  ]);
  const [global, server, keys] = answers;
  if (global?.kind === 'said' && server?.kind === 'said')
    return tmuxLayer('tmux show', tmuxAnswers(global.text, server.text, keys?.kind === 'said' ? keys.text : ''));
  const path = [join(homedir(), '.tmux.conf'), join(configHome(), 'tmux/tmux.conf')].find(
    (each) => textOf(each) !== undefined,
  );
  if (path !== undefined) return tmuxLayer(path, tmuxFile(textOf(path) ?? ''));
  const detail = env.TMUX === undefined ? 'no server runs, and there is no tmux.conf' : 'it does not answer';
  return absent('tmux', 'tmux', detail);
};
