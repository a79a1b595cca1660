/** Whether a breakpoint that Delve is asked for may come to stand where something of ours is. */
import type { PlannedSite } from '@probelens/probes';
import type { GroupKey, Want } from './state/breakpoints.js';
import { functionsGroup, pathOfGroup } from './wants.js';

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Delve takes the end of a name for the whole, and /patterns/. */
const mayMean = (name: string, fn: string): boolean =>
  name.startsWith('/') || fn === name || fn.endsWith(`.${name}`) || fn.endsWith(`/${name}`);

/**
 * Rather one too many. Of functions that are inlined at the beginning of a line only Delve knows the address; the agent
 * sees whether it has written there when a gate comes back.
 */
export const isSiteBeside = (site: PlannedSite, group: GroupKey, { key, line }: Want): boolean => {
  const path = pathOfGroup(group);
  return group === functionsGroup
    ? mayMean(key, site.function) || site.yields === true
    : path !== undefined && site.line === line && baseName(site.file) === baseName(path);
};
