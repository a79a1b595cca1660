/** What a person should know about the probes of a file, and about the session that has them. */
import { basename } from 'node:path';
import { parseProbeText } from '@probelens/probes';
import type { LiveSession } from '@probelens/probes/control';
import type { Binaries } from '../binary/binaries.js';
import type { JudgedProbe } from '../binary/protocol.js';
import { statIfThere } from '../disk.js';
import { type FileView, linesHold, unlessReplaced } from '../file-view.js';
import { real } from '../folders.js';
import { withoutTypeArguments } from '../module/symbol-name.js';
import type { Span } from '../source/positions.js';
import type { PlacedDraft } from './draft.js';
import { symbolOfView } from './offers.js';

/** Only these name variables: what a probe logs without a template is whatever its arguments are. */
export function namesVariables(text: string): boolean {
  const parsed = parseProbeText(text);
  if (!parsed.ok) return false;
  const { condition, action } = parsed.spec;
  return condition !== undefined || (action.kind === 'log' && action.template !== undefined);
}

/** Where a probe is in this file; undefined where it is in another one. */
function spanOf(view: FileView, { at }: JudgedProbe): Span | undefined {
  if ('symbol' in at) {
    const symbol = withoutTypeArguments(at.symbol);
    return view.functions.find((fn) => symbolOfView(view, fn) === symbol)?.declaration.nameSpan;
  }
  const isHere = view.file === at.file || view.file.endsWith(`/${at.file}`);
  if (!isHere || !linesHold(view) || at.line < 1 || at.line > view.document.lineCount) return undefined;
  const line = at.line - 1;
  const text = view.document.line(line).trimEnd();
  return {
    start: { line, character: text.length - text.trimStart().length },
    end: { line, character: text.length },
  };
}

/** Variables that the texts of probes name and the program does not have where they are probed. */
export async function probeDrafts(
  view: FileView,
  texts: readonly string[],
  binaries: Binaries,
): Promise<readonly PlacedDraft[]> {
  if (view.binary.kind !== 'ready' || texts.length === 0) return [];
  const { path, identity } = view.binary.summary;
  const judged = await unlessReplaced(binaries.judge({ path, identity, texts }));
  return judged.flatMap((probe) => {
    const span = spanOf(view, probe);
    if (span === undefined) return [];
    const message = `The probe "${probe.text}" cannot see all that it names in ${basename(path)}. ${probe.reasons.join(' ')}`;
    return [{ draft: { kind: 'probeVariables', code: 'probe-variable', message }, span }];
  });
}

/** The process runs another file than the one that now has its name: /proc/PID/exe follows the file, not the name. */
function runsOlderBuild({ binary, debuggee }: LiveSession): boolean {
  if (binary === undefined || debuggee === undefined) return false;
  const [running, onDisk] = [statIfThere(`/proc/${debuggee}/exe`), statIfThere(binary)];
  if (running === undefined || onDisk === undefined) return false;
  return running.ino !== onDisk.ino || running.dev !== onDisk.dev;
}

export function sessionDrafts(view: FileView, live: readonly LiveSession[]): readonly PlacedDraft[] {
  if (view.binary.kind !== 'ready') return [];
  const path = real(view.binary.summary.path);
  return live
    .filter((session) => session.binary !== undefined && real(session.binary) === path && runsOlderBuild(session))
    .map(({ debuggee }) => ({
      draft: {
        kind: 'oldSession',
        code: 'old-session',
        message: `The debug session (process ${debuggee}) runs an older build of ${basename(path)} than the file on disk, which is what is shown here: restart it.`,
      },
      span: view.source.packageSpan,
    }));
}
