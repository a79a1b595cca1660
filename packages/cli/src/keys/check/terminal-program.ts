/** The terminal: keys that it keeps for itself by default, and what it can send at all. */
import { type Chord, chordText, spokenKeys } from '../chord.js';
import { arrivesAs, bytesOf, visible } from '../encodings.js';
import { ask } from './ask.js';
import type { LayerReading } from './layer.js';

interface Known {
  readonly name: string;
  readonly is: (env: NodeJS.ProcessEnv) => boolean;
  /** Whether programs may ask it for kitty's protocol or CSI-u. */
  readonly tellsAll: boolean;
  /** Key -> what it does with it, by default: from each program's manual. */
  readonly keeps: Readonly<Record<string, string>>;
  readonly cure: string;
  /** For keys that it cannot tell at all, where that is not the terminal's to change. */
  readonly untold?: string;
}

const terminals: readonly Known[] = [
  {
    name: 'GNU screen',
    is: ({ STY, TMUX }) => STY !== undefined && TMUX === undefined,
    tellsAll: false,
    keeps: { 'Ctrl+A': 'begins its commands' },
    cure: 'choose another with `escape` in .screenrc',
    untold: 'screen passes on no such keys, whatever the terminal sends; tmux does',
  },
  {
    name: 'kitty',
    is: ({ KITTY_WINDOW_ID, TERM }) => KITTY_WINDOW_ID !== undefined || TERM === 'xterm-kitty',
    tellsAll: true,
    keeps: {
      'Ctrl+Shift+K': 'scrolls a line up',
      'Ctrl+Shift+B': 'moves the window backward',
      'Ctrl+Shift+F11': 'full screen',
    },
    cure: 'map it to no_op in kitty.conf',
  },
  {
    name: 'Konsole',
    is: ({ KONSOLE_VERSION }) => KONSOLE_VERSION !== undefined,
    tellsAll: false,
    keeps: { 'Ctrl+Shift+K': 'clears the scrollback', F11: 'full screen' },
    cure: 'free it in Settings, Configure Keyboard Shortcuts',
  },
  {
    name: 'a VTE terminal (GNOME Terminal, Xfce Terminal)',
    is: ({ VTE_VERSION }) => VTE_VERSION !== undefined,
    tellsAll: false,
    keeps: { F1: 'help', F10: 'opens the menu', F11: 'full screen' },
    cure: 'free it in Preferences, Shortcuts',
  },
  {
    name: 'Alacritty',
    is: ({ ALACRITTY_WINDOW_ID, TERM }) => ALACRITTY_WINDOW_ID !== undefined || TERM === 'alacritty',
    tellsAll: true,
    keeps: { 'Ctrl+Shift+B': 'searches backward' },
    cure: 'bind it to ReceiveChar in alacritty.toml',
  },
  {
    name: 'WezTerm',
    is: ({ TERM_PROGRAM }) => TERM_PROGRAM === 'WezTerm',
    tellsAll: true,
    keeps: { 'Ctrl+Shift+K': 'clears the scrollback', 'Ctrl+Shift+L': 'debug overlay' },
    cure: 'bind it to DisableDefaultAssignment in wezterm.lua',
  },
  {
    name: 'foot',
    is: ({ TERM }) => TERM?.startsWith('foot') ?? false,
    tellsAll: true,
    keeps: {},
    cure: '',
  },
  {
    name: 'the Linux console',
    is: ({ TERM }) => TERM === 'linux',
    tellsAll: false,
    keeps: {},
    cure: '',
  },
];

/** The function keys of a terminfo entry, as bytes, from `infocmp -x -1`. */
const functionKeys = (terminfo: string): ReadonlySet<string> =>
  new Set([...terminfo.matchAll(/^\tkf\d+=(.*),$/gm)].map(([, value = '']) => value.replaceAll('\\E', '\u001b')));

/**
 * @param terminfo undefined where nobody tells; then function keys are taken for xterm's.
 * @param trouble why nobody tells, where that is a mistake.
 */
export const terminalLayer = (env: NodeJS.ProcessEnv, terminfo: string | undefined, trouble?: string): LayerReading => {
  const known = terminals.find(({ is }) => is(env));
  const name = known?.name ?? env.TERM_PROGRAM ?? (env.TERM || 'the terminal');
  const sent = terminfo === undefined ? undefined : functionKeys(terminfo);
  const keeps = new Map(
    Object.entries(known?.keeps ?? {}).map(([key, what]) => [spokenKeys(key).map(chordText).join(' '), what]),
  );
  const claim = (pressed: Chord) => {
    const common = { layer: 'terminal' as const, lost: true };
    const kept = keeps.get(chordText(pressed));
    if (kept !== undefined) {
      const cure = known?.cure;
      return { ...common, taker: `${name} by default (${kept})`, arrives: 'nothing', cure };
    }
    const bytes = bytesOf(pressed, 'legacy');
    if (bytes === undefined) {
      // Inside of tmux nobody knows the terminal around it; tmux's own settings decide.
      if (known?.tellsAll === true || (known === undefined && env.TMUX !== undefined)) return undefined;
      const cure = known?.untold ?? 'turn on CSI-u or the kitty protocol in the terminal, or take one that has it';
      return { ...common, taker: `${name} cannot tell it`, arrives: arrivesAs(pressed) ?? 'nothing', cure };
    }
    const isFunctionKey = /^F\d+$/.test(pressed.key);
    if (!isFunctionKey || sent === undefined || sent.has(bytes)) return undefined;
    const taker = `terminfo of ${env.TERM ?? ''} has no such key`;
    return { ...common, lost: false, taker, arrives: `as ${visible(bytes)}`, cure: 'set TERM to what the terminal is' };
  };
  const told =
    trouble === undefined ? { state: 'read' as const, detail: name } : { state: 'failed' as const, detail: trouble };
  return { layer: 'terminal', source: `TERM=${env.TERM ?? ''}`, ...told, claim };
};

export const readTerminal = async (env: NodeJS.ProcessEnv): Promise<LayerReading> => {
  if (!env.TERM)
    return terminalLayer(env, undefined, 'TERM is not set; `export TERM=xterm-256color`, or what the terminal is');
  const answer = await ask('infocmp', ['-x', '-1', env.TERM]);
  if (answer.kind !== 'failed') return terminalLayer(env, answer.kind === 'said' ? answer.text : undefined);
  const trouble = `there is no terminfo entry "${env.TERM}"; set TERM to what the terminal is, or install its entry (ncurses-term)`;
  return terminalLayer(env, undefined, trouble);
};
