/** What the Go runtime prints when a program crashes, taken apart: the truth that reports are compared with. */

export interface PrintedFrame {
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

export interface Traceback {
  /** Everything before the first goroutine, without what lies between "[signal " and "]". */
  readonly head: readonly string[];
  /** Decimal; undefined: none was running. */
  readonly goroutine: string | undefined;
  /** Without the runtime's own functions. */
  readonly frames: readonly PrintedFrame[];
  readonly createdBy: (PrintedFrame & { readonly goroutine: string | undefined }) | undefined;
}

const placeLine = /^\t(.*):(\d+)(?: |$)/;

/** "main.f(0x1, {0x2, 0x3})" without its arguments: the last pair of parentheses that closes at the end. */
const withoutArguments = (text: string): string => {
  let depth = 0;
  for (let at = text.length - 1; at > 0; at--) {
    if (text[at] === ')') depth++;
    if (text[at] === '(' && --depth === 0) return text.slice(0, at);
  }
  return text;
};

const framesIn = (lines: readonly string[]): readonly PrintedFrame[] =>
  lines.flatMap((line, index) => {
    const [, file, number] = placeLine.exec(lines[index + 1] ?? '') ?? [];
    if (line.startsWith('\t') || file === undefined) return [];
    const name = line.startsWith('created by ')
      ? line.slice('created by '.length).replace(/ in goroutine \d+$/, '')
      : withoutArguments(line);
    return [{ function: name === 'panic' ? 'runtime.gopanic' : name, file, line: Number(number) }];
  });

const isRuntime = ({ function: name }: PrintedFrame): boolean => /^runtime\.(?!gopanic$)(?:\(\*)?[a-z]/.test(name);

export const parseTraceback = (stderr: string): Traceback => {
  const lines = stderr.split('\n');
  const start = lines.findIndex((line) => /^goroutine \d+ .*\[[^\]]*\]:$/.test(line));
  const head = (start < 0 ? lines : lines.slice(0, start)).filter(
    (line) => line !== '' && !line.startsWith('[signal ') && !line.startsWith('\t/'),
  );
  if (start < 0) return { head, goroutine: undefined, frames: [], createdBy: undefined };
  const end = lines.findIndex((line, index) => index > start && line === '');
  const body = lines.slice(start + 1, end < 0 ? undefined : end);
  const creation = body.findIndex((line) => line.startsWith('created by '));
  const frames = framesIn(creation < 0 ? body : body.slice(0, creation)).filter((each) => !isRuntime(each));
  // With all of the runtime's frames shown, the panic that the crash began with is among them.
  const [first] = frames;
  const [created] = creation < 0 ? [] : framesIn(body.slice(creation));
  return {
    head,
    goroutine: /^goroutine (\d+) /.exec(lines[start] ?? '')?.[1],
    frames: first?.function === 'runtime.gopanic' ? frames.slice(1) : frames,
    createdBy: created && { ...created, goroutine: / in goroutine (\d+)$/.exec(body[creation] ?? '')?.[1] },
  };
};
