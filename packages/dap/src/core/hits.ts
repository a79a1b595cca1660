/** Hits as the kernel reports them: Delve's stop is still to come, or does not come. */
import { dropGate } from './gates.js';
import type { Hit } from './state/hit.js';
import type { Turn } from './turn.js';

/**
 * Delve needs milliseconds to stop a program, and seconds on a machine with thirty runnable processes for each core: a gate
 * that was given up for that made every further hit a thousand times dearer.
 */
const patienceMs = 15_000;

/** A hit came in while the program seems to run: Delve should stop any moment now. */
export const onHit = (turn: Turn, hit: Hit): void => {
  const leftovers = new Map(turn.state.leftovers);
  // It has been here again, so its old trap is history.
  if (turn.state.target.running) leftovers.delete(hit.goroutine);
  const hits = [...turn.state.hits, hit].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  turn.update({ hits, leftovers });
  if (turn.state.target.running && turn.state.held === undefined)
    turn.emit({ kind: 'start-timer', name: 'hit-without-stop', milliseconds: patienceMs });
};

export const onHitWithoutStop = (turn: Turn): void => {
  const { target, hits } = turn.state;
  if (!target.running) return;
  const probes = new Set(hits.filter((hit) => hit.running).map((hit) => hit.probe));
  turn.update({ hits: hits.filter((hit) => !hit.running) });
  for (const probe of probes) {
    const gate = turn.state.gates.get(probe);
    if (gate !== undefined)
      dropGate(
        turn,
        gate,
        `Delve did not stop where the kernel fired at ${gate.planned.function}, so Delve takes this breakpoint back.`,
      );
  }
};
