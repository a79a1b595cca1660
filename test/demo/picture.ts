/** The demo's page as a picture: an SVG of a terminal, text and all, made of what was printed. */

export type Tone = 'heading' | 'ok' | 'failed' | 'plain' | 'dim';

/** Pieces of one line, each in its tone. */
export type PictureLine = readonly { readonly text: string; readonly tone: Tone }[];

const lineHeight = 18;
const margin = 20;
/** Of a monospaced character at 13 px, which most such fonts share. */
const characterWidth = 7.8;
const colors: Readonly<Record<Tone, string>> = {
  heading: '#ffffff',
  ok: '#7ee787',
  failed: '#ff7b72',
  plain: '#c9d1d9',
  dim: '#8b949e',
};

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const span = ({ text, tone }: PictureLine[number]): string =>
  `<tspan fill="${colors[tone]}"${tone === 'heading' ? ' class="heading"' : ''}>${escaped(text)}</tspan>`;

export const drawPicture = (title: string, lines: readonly PictureLine[]): string => {
  const columns = Math.max(...lines.map((line) => line.reduce((sum, { text }) => sum + text.length, 0)));
  const width = Math.ceil(columns * characterWidth) + 2 * margin;
  const height = lines.length * lineHeight + 2 * margin;
  const rows = lines.map(
    (line, index) =>
      `<text x="${margin}" y="${margin + (index + 1) * lineHeight - 5}">${line.map(span).join('')}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" xml:space="preserve">`,
    `<title>${escaped(title)}</title>`,
    '<style>text { font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre } .heading { font-weight: bold }</style>',
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    ...rows.filter((row) => row.includes('<tspan')),
    '</svg>',
    '',
  ].join('\n');
};

/** Headings of a picture that `drawPicture` made. */
export const headingsOf = (svg: string): readonly string[] =>
  [...svg.matchAll(/class="heading">([^<]*)</g)].map(([, text = '']) =>
    text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  );
