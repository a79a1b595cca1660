import type { LatencyReport, Measure } from './measure.js';

const time = (microseconds: number): string =>
  microseconds >= 10_000 ? `${(microseconds / 1000).toFixed(1)} ms` : `${microseconds.toFixed(1)} us`;

/** "+12 %" of the median, or "" where the last run has no such measure. */
const change = (measure: Measure, last: LatencyReport | undefined): string => {
  const before = last?.measures.find(({ id }) => id === measure.id);
  if (before === undefined || before.median === 0) return '';
  const percent = Math.round((measure.median / before.median - 1) * 100);
  return `${percent >= 0 ? '+' : ''}${percent} %`;
};

/** A table; times are medians, 99th percentiles and the mean change from one to the next; "of floor" is of what was taken in turn. */
export const latencyText = (report: LatencyReport, last: LatencyReport | undefined): string => {
  const titles = report.measures.map(({ title, floor }) => (floor === undefined ? `floor: ${title}` : title));
  const width = Math.max(...titles.map(({ length }) => length));
  const row = (title: string, cells: readonly string[]): string =>
    `${title.padEnd(width)}${cells.map((cell) => cell.padStart(13)).join('')}`.trimEnd();
  const rows = report.measures.map((measure, index) => {
    const { floorMedian } = measure;
    const times =
      floorMedian === undefined || floorMedian === 0 ? '' : `${(measure.median / floorMedian).toFixed(1)} x`;
    const cells = [time(measure.median), time(measure.p99), time(measure.jitter), times, String(measure.count)];
    return row(titles[index] ?? '', last === undefined ? cells : [...cells, change(measure, last)]);
  });
  const heads = ['median', '99 %', 'jitter', 'of floor', 'samples'];
  return [
    row('', last === undefined ? heads : [...heads, 'since then']),
    ...rows,
    ...report.left,
    ...(last === undefined ? [] : [`Compared with the run of ${last.at}.`]),
  ].join('\n');
};
