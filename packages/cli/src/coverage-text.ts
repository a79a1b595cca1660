/** What `probelens explain BINARY` shows to people. */
import type { Coverage } from '@probelens/probes';

const share = (part: number, whole: number): string =>
  `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)} %`.padStart(7);

const row = (count: number, whole: number, what: string): string =>
  `  ${String(count).padStart(9)} ${share(count, whole)}  ${what}`;

type NoStop = keyof NonNullable<Coverage['lines']>['reasons'];

const noStops: readonly (readonly [NoStop, string])[] = [
  ['first', 'the line is a single instruction, where Delve breaks itself'],
  ['branch', 'only branches and calls follow its first instruction'],
  ['last', 'only its last instruction is left, behind which the next line begins'],
  ['statement', 'Delve may break right behind each of its instructions'],
  ['store', 'it only stores'],
  ['instruction', 'its instructions are of a kind that is not probed'],
  ['bytes', 'its instructions cannot hold two probes'],
  ['jump', 'its function jumps to addresses that nobody knows'],
];

export const coverageText = ({ functions, lines }: Coverage): string => {
  const { total, checked, unchecked, otherFrame, frameless, assembly } = functions;
  const text = [
    `${total} functions of the source`,
    row(checked + unchecked, total, 'with a one-byte site at the entry'),
    row(otherFrame, total, 'with a frame of another kind'),
    row(frameless, total, 'without a frame'),
    row(assembly, total, 'in assembly'),
  ];
  if (lines === undefined) return text.join('\n');
  const { total: all, entry, oneByte, atReturn, sentinel, yielding, none, reasons, log } = lines;
  const why = noStops
    .filter(([reason]) => reasons[reason] > 0)
    .map(([reason, what]) => row(reasons[reason], all, `  ${what}`));
  return [
    ...text,
    `${all} lines at which a debugger can break, for breakpoints that stop`,
    row(entry, all, 'that the entry of their function stands for'),
    row(oneByte, all, 'with a one-byte site inside'),
    row(atReturn, all, 'with a one-byte site before a return, single-stepped'),
    row(sentinel, all, 'with a site that is single-stepped, with a sentinel'),
    row(yielding, all, 'with one where Delve breaks itself for steps: it has the breakpoint while you step'),
    row(none, all, "with none: Delve's, because"),
    ...why,
    'the same lines, for counts and logs',
    row(log.emulated, all, 'with an instruction that the kernel emulates'),
    row(log.stepped, all, 'with one that is single-stepped'),
    row(log.none, all, 'with none'),
  ].join('\n');
};
