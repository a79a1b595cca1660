/** What `probelens explain BINARY` shows to people. */
import type { Coverage } from '@probelens/probes';

const share = (part: number, whole: number): string =>
  `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)} %`.padStart(7);

const row = (count: number, whole: number, what: string): string =>
  `  ${String(count).padStart(9)} ${share(count, whole)}  ${what}`;

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
  return [
    ...text,
    `${lines.total} lines with code of their own`,
    row(lines.entry, lines.total, 'that are the entry of their function'),
    row(lines.oneByte, lines.total, 'with a one-byte site inside'),
    row(lines.sentinel, lines.total, 'with a site that is single-stepped'),
    row(lines.none, lines.total, "with none: Delve's"),
  ].join('\n');
};
