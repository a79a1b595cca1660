/** Where a trap of ours leaves a goroutine: the proof that a trap is ours, and not the program's own `int3`. */
import { listOf, objectOf, type Response, stringOf } from './message.js';
import type { Gate } from './state/gate.js';
import type { TrapPlace } from './state/hit.js';

/** A program is loaded at whole pages: bits below do not move. */
const pageMask = 0xfffn;

/** Innermost code address of a `stackTrace` answer. */
export const pcOf = (response: Response): bigint | undefined => {
  const [frame] = listOf(objectOf(response.body).stackFrames);
  const text = stringOf(objectOf(frame).instructionPointerReference) ?? '';
  return response.success && /^0x[0-9a-f]+$/.test(text) ? BigInt(text) : undefined;
};

export const trapPlace = (gate: Gate, site: number): TrapPlace | undefined => {
  const planned = gate.planned.plan.sites[site];
  if (planned === undefined) return undefined;
  return { after: BigInt(planned.address) + BigInt(planned.instruction.length / 2) };
};

/** False whenever it cannot be shown: a stop too many is better than one that is swallowed. */
export const isAt = (place: TrapPlace | undefined, response: Response, bias: bigint | undefined): boolean => {
  const pc = pcOf(response);
  if (place === undefined || pc === undefined) return false;
  if (bias !== undefined) return pc === place.after + bias;
  return (pc & pageMask) === (place.after & pageMask);
};
