/** Hits of goroutines that nobody follows: counted while one runs alone, and told when it stops. */
import { forgetPassedLent } from './lent.js';
import type { Hit } from './state/hit.js';
import type { Turn } from './turn.js';

/** What went on elsewhere while one goroutine stepped. */
export const sayPassed = (turn: Turn, goroutine: number): void => {
  for (const { passed, planned } of [...turn.state.gates.values(), ...turn.state.handOver.lent.values()]) {
    if (passed === 0) continue;
    const times = passed === 1 ? 'once' : `${passed} times`;
    turn.say(
      `While goroutine ${goroutine} ran, others passed the breakpoint at ${planned.function} ${times} without stopping.`,
    );
  }
  const gates = [...turn.state.gates].map(([probe, gate]) => [probe, { ...gate, passed: 0 }] as const);
  turn.update({ gates: new Map(gates) });
  forgetPassedLent(turn);
};

/**
 * The program is about to run for one goroutine's sake (undefined = nobody's): what waits for others cannot be shown
 * in its place any more, so it is counted as passed.
 */
export const passOver = (turn: Turn, goroutine: number | undefined): void => {
  const leftovers = new Map(turn.state.leftovers);
  const gates = new Map(turn.state.gates);
  const kept: Hit[] = [];
  for (const hit of turn.state.hits) {
    if (hit.goroutine === goroutine) {
      kept.push(hit);
      continue;
    }
    leftovers.set(hit.goroutine, hit.at);
    const gate = gates.get(hit.probe);
    if (gate !== undefined) gates.set(hit.probe, { ...gate, passed: gate.passed + 1 });
  }
  turn.update({ leftovers, gates, hits: kept });
};
