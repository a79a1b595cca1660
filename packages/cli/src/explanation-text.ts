/** What `probelens explain` shows to people. */
import type { ExplainedFunction } from '@probelens/gosym';
import type { PlannedSite } from '@probelens/probes';

const indented = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => `    ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
};

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`  ${title}`, ...lines];

const cost = (nanoseconds: number): string => `about ${Number((nanoseconds / 1000).toFixed(2))} us`;

export const explanationText = (explained: ExplainedFunction & { readonly sites?: readonly PlannedSite[] }): string => {
  const { entry, size, file, line, params, inlined, problems } = explained;
  const where = entry === null ? 'no code of its own' : `${entry}, ${size} bytes, ${file}:${line}`;
  const sites = (explained.sites ?? []).map((site) => [
    site.use,
    site.address,
    `offset ${site.offset}`,
    `tier ${site.tier}`,
    cost(site.cost),
    site.reason,
  ]);
  const copies = inlined.map((copy) => [
    copy.caller,
    copy.file === '' ? '-' : `${copy.file}:${copy.line}`,
    copy.approximate ? 'approximate' : '',
  ]);
  return [
    `${explained.function}  ${where}`,
    ...section('parameters', indented(params.map(({ name, type, place }) => [name, type, place]))),
    ...section('sites', indented(sites)),
    ...section('inlined into', indented(copies)),
    ...section(
      'problems',
      problems.map(({ message }) => `    ${message}`),
    ),
  ].join('\n');
};
