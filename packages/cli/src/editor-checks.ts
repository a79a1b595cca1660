/** The editors of this machine, and whether each knows of probelens. */
import type { Check } from '@probelens/probes';
import { execa } from 'execa';
import { checkEditor } from './editor-check/check.js';
import { findingText } from './editor-check/finding.js';
import { isStartable } from './editor-check/program.js';
import type { EditorName } from './editor-files.js';

interface Known {
  readonly title: string;
  /** By which it is started; the first that is there counts. */
  readonly programs: readonly string[];
  readonly version: RegExp;
}

const editors: Readonly<Record<EditorName, Known>> = {
  nvim: { title: 'Neovim', programs: ['nvim'], version: /^NVIM v(\S+)/ },
  emacs: { title: 'Emacs', programs: ['emacs'], version: /^GNU Emacs (\S+)/ },
  helix: { title: 'Helix', programs: ['hx', 'helix'], version: /^helix (\S+)/ },
  vscode: { title: 'VS Code', programs: ['code', 'codium', 'code-oss', 'code-insiders'], version: /^(\S+)/ },
};

/** VS Code's script starts a whole Electron. Milliseconds. */
const VERSION_TIMEOUT = 20_000;

const editorCheck = async (name: EditorName, { title, programs, version }: Known): Promise<readonly Check[]> => {
  const program = programs.find(isStartable);
  if (program === undefined) return [];
  const said = await execa(program, ['--version'], { reject: false, timeout: VERSION_TIMEOUT, stdin: 'ignore' });
  const found = version.exec(said.stdout ?? '')?.[1];
  const what = found === undefined ? `${program} does not tell its version` : `Version ${found}`;
  const [finding] = checkEditor(name, undefined);
  const id = `editor-${name}`;
  if (finding === undefined)
    return [{ id, title, state: 'ok', detail: `${what}, configured for probelens.`, fix: undefined }];
  const detail = `${what}; its configuration does not agree with probelens: ${findingText(finding)}`;
  return [{ id, title, state: 'degraded', detail, fix: `probelens init ${name}` }];
};

/** One check for each editor that is there; one that says so when none is. */
export const editorChecks = async (): Promise<readonly Check[]> => {
  const known = Object.entries(editors) as readonly (readonly [EditorName, Known])[];
  const checks = (await Promise.all(known.map(([name, editor]) => editorCheck(name, editor)))).flat();
  if (checks.length > 0) return checks;
  const titles = known.map(([, { title }]) => title).join(', ');
  return [
    {
      id: 'editors',
      title: 'editors',
      state: 'degraded',
      detail: `None of ${titles} is in PATH; any client of LSP and DAP will do, and the command works without.`,
      fix: undefined,
    },
  ];
};
