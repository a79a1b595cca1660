/** Which variables of a probe's text the program cannot give at the probe's place. Runs in the worker. */
import type { GoBinary } from '@probelens/gosym';
import { type PlanResult, parseProbeText } from '@probelens/probes';
import { loadedPlanner } from './describe.js';
import type { JudgedProbe } from './protocol.js';

/** Refusals of the planner that speak of a variable; all others concern the place or the kernel. */
const aboutVariables = new Set(['unavailable-variable', 'stale-variable', 'unknown-variable', 'unknown-field']);

function reasonsOf(result: PlanResult): readonly string[] {
  if (!result.ok) return aboutVariables.has(result.refusal.code) ? [result.refusal.message] : [];
  const lost = result.plan.captures.map(({ name, shape }) =>
    shape.kind === 'unavailable' ? `{${name}} is not shown: ${shape.reason}` : undefined,
  );
  return [...new Set(lost.filter((reason) => reason !== undefined))];
}

export async function judgeProbes(binary: GoBinary, texts: readonly string[]): Promise<readonly JudgedProbe[]> {
  const { plan } = await loadedPlanner();
  return texts.flatMap((text): readonly JudgedProbe[] => {
    const parsed = parseProbeText(text);
    if (!parsed.ok) return [];
    const { target } = parsed.spec;
    const at =
      target.kind === 'line'
        ? { file: target.file, line: target.line }
        : 'name' in target && target.kind !== 'tracepoint' && target.kind !== 'perf-event'
          ? { symbol: target.name }
          : undefined;
    const reasons = at === undefined ? [] : reasonsOf(plan(parsed.spec, binary));
    return at === undefined || reasons.length === 0 ? [] : [{ text, at, reasons }];
  });
}
