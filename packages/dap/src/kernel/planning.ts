/** Between the editor's breakpoints and the planner's specs. Pure functions of the binary. */
import { type GoBinary, type GoFunction, type LineAddress, virtualAddress } from '@probelens/gosym';
import { type ListPlace, type ProbePlan, type ProbeSpec, parseProbeText } from '@probelens/probes';
import type { DelvePlaces, NotPlanned, PlanItem, PlanOutcome, WantedAction } from '../core/kernel-words.js';
import { functionsMeant, functionsNamedAnywhere, functionsPerhaps } from './function-names.js';

export type SpecOutcome = { readonly ok: true; readonly spec: ProbeSpec } | NotPlanned;

const refused = (message: string): NotPlanned => ({ ok: false, message });

/**
 * A function's declaration line: there Delve stops after the prologue, once per call, and so does a gate. None where
 * another function has code on the line too, as the one around a function literal: Delve stops in both.
 */
const declaredAt = (binary: GoBinary, file: string, line: number): readonly GoFunction[] => {
  const hosts = new Map<number, GoFunction>();
  for (const { host } of binary.addressesOf(file, line)) {
    if (host.generated) continue;
    if (host.line !== line) return [];
    hosts.set(host.index, host);
  }
  return [...hosts.values()];
};

const spec = (target: ProbeSpec['target'], condition: string | undefined, action: WantedAction): ProbeSpec => ({
  target,
  condition,
  scope: { kind: 'process' },
  action: action.kind === 'stop' ? { kind: 'stop' } : { kind: 'log', template: action.template },
  rateLimit: undefined,
});

type TextItem = PlanItem & { readonly kind: 'text' };

/** What another probe of the list arms begins switched off, unless its own text says how it begins. */
const beginning = (own: ProbeSpec, { number, list }: TextItem): Pick<ProbeSpec, 'initially'> => {
  if (own.initially !== undefined) return {};
  const isArmed = [...list].some(([other, text]) => {
    const parsed = other === number ? undefined : parseProbeText(text);
    const effects = parsed?.ok === true ? (parsed.spec.onMatch ?? []) : [];
    return effects.some((each) => each.kind === 'arm' && each.probe === number);
  });
  return isArmed ? { initially: 'off' } : {};
};

/** The agent keeps a word for each number up to this (program/switches.ts of the probes). */
const mostNumbers = 1_023;

/** Probes of the list come and go: whoever is named need not be there yet. */
export const placeOf = (item: PlanItem): { readonly place?: ListPlace } => {
  const number = item.kind === 'text' ? item.number : undefined;
  return number === undefined || number > mostNumbers ? {} : { place: { number, of: mostNumbers } };
};

const unknownFunction = (binary: GoBinary, name: string): string => {
  const similar = binary.similarNames(name, 3);
  const hint = similar.length === 0 ? 'names are written as in "main.price"' : `did you mean ${similar.join(', ')}?`;
  return `the binary has no function ${name}; ${hint}`;
};

export const specOf = (item: PlanItem, binary: GoBinary): SpecOutcome => {
  switch (item.kind) {
    case 'function': {
      const names = new Set(functionsMeant(binary, item.name).map(({ name }) => name));
      const [only] = names;
      // Of a function that lives on in copies only the planner knows where they are, and says so.
      if (only === undefined && binary.inlinedCopiesOf(item.name).length === 0)
        return refused(unknownFunction(binary, item.name));
      if (names.size > 1) return refused(`the name ${item.name} may mean ${[...names].slice(0, 4).join(', ')}`);
      return { ok: true, spec: spec({ kind: 'function', name: only ?? item.name }, item.condition, item.action) };
    }
    case 'line': {
      const [only, ...others] = declaredAt(binary, item.file, item.line);
      if (only !== undefined && others.length === 0)
        return { ok: true, spec: spec({ kind: 'function', name: only.name }, item.condition, item.action) };
      return { ok: true, spec: spec({ kind: 'line', file: item.file, line: item.line }, item.condition, item.action) };
    }
    case 'source': {
      const parsed = parseProbeText(item.text);
      return parsed.ok ? { ok: true, spec: parsed.spec } : refused(parsed.message);
    }
    case 'text': {
      const parsed = parseProbeText(item.text);
      if (!parsed.ok) return refused(parsed.message);
      const own = { ...parsed.spec, ...beginning(parsed.spec, item) };
      const { scope } = own;
      if (scope.kind !== 'current') return { ok: true, spec: own };
      if (item.goroutine === undefined) return refused('No goroutine is selected: name one, as in "on goroutine 19".');
      return { ok: true, spec: { ...own, scope: { kind: 'goroutine', id: String(item.goroutine) } } };
    }
  }
};

/** What the item says of each function that it means; never empty. */
export const specsOf = (item: PlanItem, binary: GoBinary): readonly SpecOutcome[] => {
  const outcome = specOf(item, binary);
  const named = item.kind === 'source' ? item.named : undefined;
  if (!outcome.ok || named === undefined) return [outcome];
  const found = functionsNamedAnywhere(binary, named);
  if (found.length === 0) return [refused(`the binary has none of the functions ${named.join(', ')}`)];
  return found.map((name) => ({ ok: true, spec: { ...outcome.spec, target: { kind: 'function', name } } }));
};

/** What came of one item: everything that can be had of it, else the first refusal. */
export const together = (outcomes: readonly PlanOutcome[], fileOf: (file: string) => string): PlanOutcome => {
  const planned = outcomes.filter((each) => each.ok).map((each) => ({ ...each, file: fileOf(each.file) }));
  const [first, ...others] = planned;
  if (first === undefined) return outcomes[0] ?? refused('there is nothing to plan');
  return others.length === 0 ? first : { ...first, others };
};

/** "sched:sched_switch", "page-faults"; undefined for what is in the program. */
export const sourceName = ({ target }: ProbeSpec): string | undefined => {
  if (target.kind === 'tracepoint') return `${target.category}:${target.name}`;
  if (target.kind === 'bpf') return `bpf:${target.what}`;
  return target.kind === 'perf-event' ? target.name : undefined;
};

/** Every instruction at which Delve has, or may put, an int3 for these places. */
export const placesOf = (binary: GoBinary, places: DelvePlaces): readonly LineAddress[] => {
  const found: LineAddress[] = [];
  for (const { file, line } of places.lines) found.push(...binary.addressesOf(file, line));
  for (const name of places.functions) {
    for (const fn of functionsPerhaps(binary, name)) {
      // Delve chooses an address behind the prologue: the first of a line's runs, on the first or the second line.
      found.push(
        ...binary
          .linesOf(fn)
          .slice(0, 4)
          .filter(({ isStatement }) => isStatement),
      );
    }
  }
  return found;
};

/** File offsets of `placesOf`, and of single instructions. `bias`: see KernelRoom. */
export const avoidedOffsets = (binary: GoBinary, places: DelvePlaces, bias: bigint | undefined): readonly number[] => {
  const single = (places.instructions ?? []).flatMap((address) => {
    const linked = Number(address - (bias ?? 0n));
    const fn = linked > 0 && Number.isSafeInteger(linked) ? binary.functionAt(virtualAddress(linked)) : undefined;
    return fn === undefined ? [] : [binary.offsetOf(virtualAddress(linked))];
  });
  return [...new Set([...placesOf(binary, places).map(({ address }) => binary.offsetOf(address)), ...single])];
};

/** "0.56 us", "12 us". */
const microseconds = (nanoseconds: number): string => {
  const value = nanoseconds / 1_000;
  return `${value < 10 ? Number(value.toFixed(2)) : Math.round(value)} us`;
};

export const spokenCost = (plan: ProbePlan): string => {
  const cost = Math.max(0, ...plan.sites.map((site) => site.cost));
  const what = plan.condition === undefined ? 'a hit' : 'a hit that does not match';
  return `In the kernel: about ${microseconds(cost)} for ${what}.`;
};

/** One sentence, or none. */
export const spokenYielding = (plan: ProbePlan): readonly string[] =>
  plan.sites.some((site) => site.yields === true) ? ['While you step, Delve has it.'] : [];
