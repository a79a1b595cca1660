/** What is meant by a text that is no Go expression, in Go's own words. */

/** In the order in which they are looked for: the longer ones first. */
const habits: readonly (readonly [pattern: RegExp, says: string])[] = [
  [/\.\(type\)/, 'x.(type) is for the type switch; ask for one type, as in x.(int) == 3'],
  [/===|!==/, 'Go compares with == and !='],
  [/=~|!~/, 'Go has no operator for patterns; use strings.Contains or a part, as in s[:3] == "abc"'],
  [/->/, 'Go selects fields with a point also through pointers, as in p.x'],
  [/\?\.|\?\?|\?/, 'Go has no operator with ?; write the two cases with && and ||'],
  [/\+\+|--|:=|[-+*/%&|^]=(?!=)|<<=|>>=/, 'a condition changes nothing; compare with =='],
  [/(?<![=!<>:])=(?!=)/, 'Go compares with =='],
  [/:\s*%/, 'values are shown as Go prints them; leave the format out'],
  [/;/, 'a condition is one expression; join its parts with && or ||'],
  [/'[^'\\]{2,}'/, 'a text stands between double quotes, and between single ones is one character'],
  [/,/, 'a condition is one expression; join its parts with && or ||'],
];

/** Without what stands between quotes, which may look like anything; of the same length. */
const bare = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, (literal) => `"${' '.repeat(literal.length - 2)}"`);

/** Where it goes wrong, and what Go would have there; `at`: where the parser stumbled. UTF-16 units from the start. */
export const whyNotGo = (text: string, at: number | undefined): string => {
  const searched = bare(text);
  for (const [pattern, says] of habits) {
    const found = pattern.exec(searched);
    if (found !== null) return `at ${found.index}: ${says}`;
  }
  return at === undefined || at >= text.length ? 'correct it and try again' : `at ${at}: correct it and try again`;
};

/** What others call nil. */
export const otherNils: ReadonlySet<string> = new Set(['null', 'NULL', 'None', 'undefined', 'nullptr']);
