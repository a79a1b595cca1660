/** Go's releases by the number N of "go1.N". */
import type { ModuleData } from './module/module-data.js';
import type { ReleaseBounds } from './runtime/goid-table.js';

/** N of "go1.N", also of "devel go1.N-abcdef"; undefined where the text does not say. */
export const goMinor = (version: string | undefined): number | undefined => {
  const digits = version?.match(/\bgo1\.(\d{1,3})(?!\d)/)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** By the version the program names, else by the layout of its tables. */
export const releaseBounds = (version: string | undefined, module: ModuleData | undefined): ReleaseBounds => {
  const minor = goMinor(version);
  if (minor !== undefined) return [minor, minor];
  // Without moduledata it is older than Go 1.5.
  return module?.releases ?? [2, 4];
};

/** "Go 1.20 to 1.25". */
export const releaseText = ([first, last]: ReleaseBounds): string => {
  if (last === undefined) return `Go 1.${first} or later`;
  return first === last ? `Go 1.${first}` : `Go 1.${first} to 1.${last}`;
};
