/** The table of keys for people: one paragraph a meaning, so that it fits 120 columns and every way to it is side by side. */
import type { KeyEditor } from './binding.js';
import type { KeyRow } from './table.js';

const titles: Readonly<Record<KeyEditor, string>> = {
  nvim: 'Neovim',
  emacs: 'Emacs',
  helix: 'Helix',
  vscode: 'VS Code',
  terminal: 'probelens debug',
};

const unique = (values: readonly string[]): readonly string[] => [...new Set(values)];

const ownerText = (owner: string): string => (owner === 'probelens' ? '' : ` (${owner})`);

const keysOf = (rows: readonly KeyRow[]): string =>
  unique(rows.map(({ key, owner }) => key + ownerText(owner))).join(', ');

/** In the order in which they first come. */
const grouped = (rows: readonly KeyRow[], nameOf: (row: KeyRow) => string): ReadonlyMap<string, readonly KeyRow[]> => {
  const groups = new Map<string, KeyRow[]>();
  for (const row of rows) {
    const group = groups.get(nameOf(row));
    if (group === undefined) groups.set(nameOf(row), [row]);
    else group.push(row);
  }
  return groups;
};

/** Kinds of session in which the same happens stand in one line. */
const effectLines = (rows: readonly KeyRow[]): readonly string[] => {
  const same = grouped(rows, ({ request, delve, kernel }) => JSON.stringify([request, delve, kernel]));
  return [...same.values()].flatMap((group): readonly string[] => {
    const [first] = group;
    if (first === undefined) return [];
    const where = unique(group.map(({ context }) => context)).join(', ');
    return [
      `    ${where}: ${first.request}`,
      ...(first.delve === '-' ? [] : [`        Delve: ${first.delve}`]),
      ...(first.kernel === '-' ? [] : [`        kernel: ${first.kernel}`]),
    ];
  });
};

export const tableText = (editor: KeyEditor, rows: readonly KeyRow[]): string => {
  const byTitle = grouped(rows, ({ title }) => title);
  const paragraphs = [...byTitle].map(([title, group]) =>
    [
      `  ${keysOf(group)}`,
      `    ${title}: ${unique(group.map(({ action }) => action)).join(', ')}`,
      ...effectLines(group),
    ].join('\n'),
  );
  return [titles[editor], ...paragraphs, ''].join('\n');
};
