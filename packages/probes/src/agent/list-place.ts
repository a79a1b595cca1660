/** Where a probe is in its client's list, for those that switch each other. */
import { integer, member, optional } from '../program/shape.js';
import { mostSwitches } from '../program/switches.js';
import type { ProbeSpec } from '../spec/spec.js';
import type { Control } from './control.js';
import type { ListPlace } from './protocol.js';
import * as refusal from './refusal.js';

/** Throws InvalidPlan, and `Refused` for a number that the list has not. */
export const validPlace = (value: unknown, { onMatch, initially }: ProbeSpec): ListPlace | undefined => {
  const place = optional(member({ path: '', value }, 'place'), (field) => ({
    number: integer(member(field, 'number'), 1, mostSwitches),
    of: integer(member(field, 'of'), 1, mostSwitches),
  }));
  if (place === undefined && initially === 'off') throw refusal.neverSwitched();
  for (const each of onMatch ?? []) {
    if (each.kind === 'snapshot') continue;
    if (place === undefined || each.probe > place.of) throw refusal.notListed(each.probe, place?.of);
  }
  return place;
};

/** Before its program is attached. Returns the number by which others switch it. */
export const enterPlace = (
  control: Control,
  place: ListPlace | undefined,
  { initially }: ProbeSpec,
): number | undefined => {
  if (place === undefined) return undefined;
  control.switch(place.number, initially ?? 'on');
  return place.number;
};
