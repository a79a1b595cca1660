/** Where a line begins that a gate lies inside of: a step that ends there leaves the gate ahead. */
import { type GoBinary, type LineAddress, virtualAddress } from '@probelens/gosym';
import type { PlannedSite } from '@probelens/probes';

const isSameLine = (one: LineAddress, other: LineAddress): boolean =>
  one.chain.length === other.chain.length &&
  one.chain.every(({ file, line }, index) => {
    const there = other.chain[index];
    return there?.file === file && there.line === line;
  });

/** Address as linked; undefined for gates at a function's entry, where no step ends, and at the beginning itself. */
export const lineBeginning = (binary: GoBinary, site: PlannedSite): number | undefined => {
  const address = Number(site.address);
  const fn = binary.functionAt(virtualAddress(address));
  if (site.use !== 'stop' || site.yields === true || fn === undefined || site.line === fn.line) return undefined;
  const runs = binary.linesOf(fn);
  let index = runs.findLastIndex((run) => run.address <= address);
  const own = runs[index];
  if (own === undefined) return undefined;
  for (let before = runs[index - 1]; before !== undefined && isSameLine(before, own); before = runs[index - 1])
    index -= 1;
  const beginning = Number(runs[index]?.address ?? address);
  return beginning < address ? beginning : undefined;
};
