import type { GoBinary } from '@probelens/gosym';

/**
 * Functions of the source that a person may be writing the name of, ascending, at most `most`: by the begin of the whole
 * name, or of what is behind the last "/" of the import path.
 */
export const functionNames = (binary: GoBinary, prefix: string, most: number): readonly string[] => {
  const names = new Set<string>();
  for (const { name, generated } of binary.functions()) {
    if (generated) continue;
    if (name.startsWith(prefix) || name.startsWith(prefix, name.lastIndexOf('/') + 1)) names.add(name);
    if (names.size === most) break;
  }
  return [...names].sort();
};
