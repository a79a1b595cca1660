/**
 * Gates for stops of kernel events (program/armed-thread.ts): the returns of the functions through which Go programs enter
 * the kernel. After an event in a system call, the goroutine soon executes one of them, at a place that is safe for Delve.
 *
 * Not among them is the assembly below (internal/runtime/syscall/linux.Syscall6): each of its instructions is a line of
 * its own, where Delve may want a breakpoint. So events in calls that the runtime makes for itself wait for another gate.
 */
import type { GoBinary, GoFunction } from '@probelens/gosym';
import type { LoweredExpression } from './expression.js';
import { both, compare, constant, load, plus, word } from './lower/build.js';
import { placesFor } from './places.js';
import type { PlannedSite, ProbePlan } from './plan.js';
import { Refused } from './refused.js';
import type { Request } from './request.js';

/** Return after runtime.exitsyscall: the goroutine is like any other again. */
const settled = ['syscall.Syscall', 'syscall.Syscall6', 'syscall.RawSyscall'] as const;

/** What C did in a system call is over when the call of C returns. */
const foreign = 'runtime.cgocall';

/** Called by those, then still between entersyscall and exitsyscall, and by others. Go >= 1.19. */
const inner = 'syscall.RawSyscall6';

/** Whether the caller at `pop %rbp` is outside the function: the return address is above the saved frame pointer. */
const notCalledFrom = (fn: GoFunction, site: PlannedSite): LoweredExpression => {
  const caller = load(plus({ kind: 'register', register: 'rsp' }, 8n), word);
  // Relative to the site: position-independent programs lie elsewhere than linked.
  const distance: LoweredExpression = {
    kind: 'arithmetic',
    operator: 'sub',
    type: word,
    left: caller,
    right: plus({ kind: 'register', register: 'rip' }, BigInt(fn.entry) - BigInt(site.address)),
  };
  return compare('ge', false, distance, constant(BigInt(fn.size)));
};

const conditionAt = (name: string, site: PlannedSite, binary: GoBinary): LoweredExpression | undefined => {
  if (name !== inner) return undefined;
  const callers = settled.flatMap((each) => binary.functionsNamed(each));
  const conditions = callers.map((fn) => notCalledFrom(fn, site));
  return conditions.length === 0 ? undefined : conditions.reduce(both);
};

export type ArmedThreadSite = Pick<ProbePlan, 'spec' | 'sites' | 'condition'>;

/** One for each site; functions that the program does not have, or that are no place for a gate, have none. */
export const armedThreadSites = (request: Omit<Request, 'spec'>): readonly ArmedThreadSite[] =>
  [...settled, foreign, inner].flatMap((name) => {
    if (request.binary.functionsNamed(name).length === 0) return [];
    const spec = {
      target: { kind: 'return', name },
      condition: undefined,
      scope: { kind: 'process' },
      action: { kind: 'stop' },
      rateLimit: undefined,
    } as const;
    try {
      const none = { registers: new Set<string>(), memory: false };
      const sites = placesFor({ ...request, spec }).map((place) => place.choose(none));
      return sites.map((site) => ({ spec, sites: [site], condition: conditionAt(name, site, request.binary) }));
    } catch (error) {
      // Assembly before Go 1.19, or the debugger has a breakpoint there.
      if (!(error instanceof Refused)) throw error;
      request.notes.push({ code: error.code, message: error.message });
      return [];
    }
  });
