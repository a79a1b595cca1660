/** Neovim and Emacs: one file that is ours, and a few lines in the person's own. */
import type { Editor } from '../editor-files.js';
import { textOf } from './disk.js';
import type { Finding } from './finding.js';
import { isStartable } from './program.js';

export interface PluginPlaces {
  readonly editor: 'nvim' | 'emacs';
  /** Where our file may be, the likeliest first. */
  readonly candidates: readonly string[];
  /** Texts of the person's configuration; undefined where nobody knows where that is. */
  readonly configuration: readonly string[] | undefined;
}

interface Manner {
  /** The version in our file. */
  readonly version: RegExp;
  readonly loads: RegExp;
  /** What to add where nothing loads it. */
  readonly loading: string;
  /** The program that the person names. */
  readonly command: RegExp;
}

const manners: Readonly<Record<PluginPlaces['editor'], Manner>> = {
  nvim: {
    version: /^M\.version = '([^']+)'/m,
    loads: /require\s*\(?\s*(?:'probelens'|"probelens"|\[\[probelens\]\])/,
    loading: "require('probelens').setup {}",
    command: /probelens['"\]]+\s*\)?\s*\.setup[\s({]*[\s\S]*?\bcommand\s*=\s*\{\s*['"]([^'"]+)['"]/,
  },
  emacs: {
    version: /^;; Version: (\S+)/m,
    loads: /\(\s*(?:require\s+'probelens|use-package\s+probelens|load\s+"[^"]*probelens)/,
    loading: "(require 'probelens)",
    command: /probelens-command\s+'?\(\s*(?:list\s+)?"([^"]+)"/,
  },
};

const firstDifference = (one: string, other: string): number => {
  const lines = other.split('\n');
  return one.split('\n').findIndex((line, index) => line !== lines[index]) + 1;
};

/** Lines that are comments do not load anything. */
const withoutComments = (text: string): string => text.replace(/^\s*(?:--|;).*$/gm, '');

export function checkPlugin({ files: [shipped] }: Editor, places: PluginPlaces): readonly Finding[] {
  const { editor, candidates, configuration } = places;
  const manner = manners[editor];
  const [likeliest = ''] = candidates;
  if (shipped === undefined) throw new Error(`no file is shipped for ${editor}`);
  const file = candidates.find((candidate) => textOf(candidate) !== undefined);
  const text = file === undefined ? undefined : textOf(file);
  if (file === undefined || text === undefined) {
    const directory = likeliest.slice(0, likeliest.lastIndexOf('/'));
    return [{ file: likeliest, what: 'is not there', fix: `run \`probelens init ${editor} --into ${directory}\`` }];
  }
  const findings: Finding[] = [];
  const replace = `take what \`probelens init ${editor}\` prints, and keep changes of your own out of that file`;
  if (text !== shipped.text) {
    const [theirs, ours] = [text, shipped.text].map((one) => manner.version.exec(one)?.[1] ?? 'unknown');
    const what =
      theirs === ours
        ? `differs from version ${ours} from line ${firstDifference(text, shipped.text)} on`
        : `is of version ${theirs}, this command of ${ours}`;
    findings.push({ file, what, fix: replace });
  }
  return [...findings, ...checkUse(file, manner, configuration)];
}

function checkUse(file: string, manner: Manner, configuration: readonly string[] | undefined): readonly Finding[] {
  if (configuration === undefined) return [];
  const texts = configuration.map(withoutComments);
  if (!texts.some((text) => manner.loads.test(text))) {
    return [{ file, what: 'is loaded by nothing', fix: `add ${manner.loading} to your configuration` }];
  }
  const program = texts.map((text) => manner.command.exec(text)?.[1]).find((found) => found !== undefined);
  const named = program ?? 'probelens';
  if (isStartable(named)) return [];
  const what =
    program === undefined ? 'starts "probelens", which is not in PATH' : `starts ${named}, which is no program`;
  return [{ file, what, fix: 'name the real path of the command where you load it' }];
}
