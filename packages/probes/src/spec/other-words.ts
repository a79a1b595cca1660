/** Words that others write where Go has an operator, or another word. */
export const otherWords: ReadonlyMap<string, string> = new Map([
  ['and', 'Go writes && for it'],
  ['or', 'Go writes || for it'],
  ['not', 'Go writes ! for it'],
  ['is', 'Go writes == for it'],
  ['in', 'compare with each, as in x == 1 || x == 2'],
  ['like', 'use strings.Contains, or compare a part, as in s[:3] == "abc"'],
]);
