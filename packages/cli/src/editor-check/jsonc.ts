/** JSON with comments and trailing commas, as VS Code's own files are written. */

const comments = /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const trailingCommas = /("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g;

/** Throws SyntaxError. */
export function parseJsonc(text: string): unknown {
  const keepStrings = (_: string, quoted: string | undefined): string => quoted ?? '';
  return JSON.parse(
    text
      .replace(/^\uFEFF/, '')
      .replace(comments, keepStrings)
      .replace(trailingCommas, keepStrings),
  );
}

export type Fields = Readonly<Record<string, unknown>>;

export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
