/** Everything about one function that a person may want before probing it. Runs in the worker. */
import { explainFunction, type GoBinary } from '@probelens/gosym';
import type { Planner, PlanResult } from '@probelens/probes';
import type { DescribedSite, FunctionDescription } from './protocol.js';

let planner: Promise<Planner> | undefined;

/** Decoder and grammar take a tenth of a second to load: only when somebody asks. */
export const loadedPlanner = async (): Promise<Planner> => {
  planner ??= import('@probelens/probes').then(({ loadPlanner }) => loadPlanner());
  return planner;
};

const siteAt = (result: PlanResult, entry: number, size: number): DescribedSite | undefined => {
  if (!result.ok) return undefined;
  const site = result.plan.sites.find(({ address }) => Number(address) >= entry && Number(address) < entry + size);
  if (site === undefined) return undefined;
  return { tier: String(site.tier), address: site.address, offset: site.offset, cost: site.cost, reason: site.reason };
};

export async function describeFunctions(binary: GoBinary, name: string): Promise<readonly FunctionDescription[]> {
  const { plan } = await loadedPlanner();
  const at = {
    target: { kind: 'function', name },
    condition: undefined,
    scope: { kind: 'process' },
    rateLimit: undefined,
  } as const;
  const result = plan({ ...at, action: { kind: 'count' } }, binary);
  const logged = plan({ ...at, action: { kind: 'log', template: undefined } }, binary);
  return explainFunction(binary, name).flatMap(({ entry, offset, size, params }) =>
    entry === null || offset === null || size === null
      ? []
      : [
          {
            entry,
            offset,
            size,
            params,
            site: siteAt(result, Number(entry), size),
            refusal: result.ok ? undefined : result.refusal.message,
            notes: logged.ok ? (logged.notes ?? []).map(({ message }) => message) : [],
          },
        ],
  );
}
