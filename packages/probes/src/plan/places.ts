/** Where a probe goes: from its target to places, by the rules that keep debugger and program unharmed. */
import type { GoBinary } from '@probelens/gosym';
import { crashPlaces } from '../crash/places.js';
import { arm64Places } from './arm64/places.js';
import { copyPlaces, functionPlaces } from './copy-places.js';
import { packagePlaces } from './entry-places.js';
import { wholeName } from './functions.js';
import { linePlaces } from './line-places.js';
import { Refused } from './refused.js';
import type { Place, Request } from './request.js';
import { returnPlaces } from './return-places.js';

/** Throws Refused "wrong-machine". */
export const requireMachine = ({ machine }: GoBinary): void => {
  if (machine === 'amd64') return;
  throw new Refused('wrong-machine', `Programs for ${machine} can be read but not probed; build for amd64 or arm64.`);
};

/** Places of a probe, at least one. Throws Refused. */
export const placesFor = (request: Request): readonly Place[] => {
  if (request.binary.machine === 'arm64') return arm64Places(request);
  requireMachine(request.binary);
  const { target } = request.spec;
  switch (target.kind) {
    case 'function':
      return functionPlaces(request, wholeName(request.binary, target.name));
    case 'line':
      return linePlaces(request, target.file, target.line);
    case 'return':
      return returnPlaces(request, wholeName(request.binary, target.name));
    case 'inlined':
      return copyPlaces(request, wholeName(request.binary, target.name));
    case 'package':
      return packagePlaces(request, target.pattern);
    case 'tracepoint':
    case 'perf-event':
      throw new Refused('no-binary-target', `${target.name} is an event of the kernel and needs no plan.`);
    case 'crash':
      return crashPlaces(request, target.what);
    case 'bpf':
      throw new Refused('no-binary-target', `bpf:${target.what} is an event of the kernel and needs no plan.`);
  }
};
