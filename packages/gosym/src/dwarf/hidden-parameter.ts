/**
 * The dictionary that functions compiled once for several type arguments take as an extra parameter; debug information
 * before Go 1.27 does not list it. Its position among the parameters, receiver included.
 */
export const dictionaryPosition = (name: string, minor: number | undefined): 0 | 1 | undefined => {
  const open = name.indexOf('[go.shape.');
  if (open === -1) return undefined;
  const rest = name.slice(closingBracket(name, open) + 1);
  // "main.Map[go.shape.int]"
  if (rest === '') return 0;
  const method = /^\)?\.([^.]+)$/.exec(rest)?.[1];
  // Closures find the dictionary in their context: ".func1", ".func1.2", "-range1", ".gowrap1".
  if (method === undefined || /^(func|gowrap|deferwrap)?\d+$|-/.test(method)) return undefined;
  // Methods were functions with the dictionary in front until one compiler front end built all generic code (1.20).
  return minor !== undefined && minor < 20 ? 0 : 1;
};

const closingBracket = (name: string, open: number): number => {
  let depth = 0;
  for (let index = open; index < name.length; index += 1) {
    if (name[index] === '[') depth += 1;
    else if (name[index] === ']') depth -= 1;
    if (depth === 0) return index;
  }
  return name.length;
};
