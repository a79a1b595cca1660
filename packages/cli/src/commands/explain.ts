import { explainFunction, type GoBinary, openGoBinary, type Problem } from '@probelens/gosym';
import type { PlannedSite, Planner, ProbeSpec, ProbeTarget } from '@probelens/probes';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { coverageText } from '../coverage-text.js';
import { explanationText } from '../explanation-text.js';
import { CommandError } from '../failure.js';
import { printJson, printLine } from '../output.js';

/** Loaded when sites are wanted: without them the command is done before the planner's code would have been read. */
const loadPlanner = async (): Promise<Planner> => (await import('@probelens/probes')).loadPlanner();

/** "orders.go:31"; anything else is a function. */
const placePattern = /^(?<file>.+\.(?:go|s)):(?<line>\d+)$/;

interface Asked {
  /** Functions whose code the place is in, outermost where it was inlined. */
  readonly functions: readonly string[];
  readonly target: ProbeTarget;
}

const askedFor = (binary: GoBinary, text: string): Asked => {
  const place = placePattern.exec(text)?.groups;
  if (place === undefined) return { functions: [text], target: { kind: 'function', name: text } };
  const { file = '', line: digits } = place;
  const line = Number(digits);
  const hosts = binary.addressesOf(file, line).map(({ host }) => host.name);
  if (hosts.length === 0) {
    throw new CommandError(
      `${text} has no code in this program; name a line with a statement, or build the program again.`,
    );
  }
  return { functions: [...new Set(hosts)], target: { kind: 'line', file, line } };
};

interface Sites {
  readonly sites: readonly PlannedSite[];
  readonly problems: readonly Problem[];
}

const uses: readonly { readonly use: 'stop' | 'log'; readonly action: ProbeSpec['action'] }[] = [
  { use: 'stop', action: { kind: 'stop' } },
  { use: 'log', action: { kind: 'log', template: undefined } },
];

const plannedSites = (
  planner: Planner,
  binary: GoBinary,
  target: ProbeTarget,
  condition: string | undefined,
): Sites => {
  const sites: PlannedSite[] = [];
  const problems: Problem[] = [];
  for (const { use, action } of uses) {
    const spec: ProbeSpec = { target, condition, scope: { kind: 'process' }, action, rateLimit: undefined };
    const result = planner.plan(spec, binary, { use, yielding: true });
    if (result.ok) sites.push(...result.plan.sites);
    else if (!problems.some(({ message }) => message === result.refusal.message)) problems.push(result.refusal);
  }
  return { sites, problems };
};

/** Where both have something to say of the same thing, the planner knows more. */
const merged = (planned: readonly Problem[], read: readonly Problem[]): readonly Problem[] => {
  const codes = new Set(planned.map(({ code }) => code));
  return [...planned, ...read.filter(({ code }) => !codes.has(code))];
};

const unknownFunction = (binary: GoBinary, name: string): CommandError => {
  const near = binary.similarNames(name, 3);
  const hint = near.length === 0 ? '`probelens functions` lists those there are' : `did you mean ${near.join(', ')}?`;
  return new CommandError(`There is no function ${name} in this program; ${hint}`);
};

export const explain: Command = {
  usage: `probelens explain BINARY [FUNCTION or FILE:LINE] [--if CONDITION] [--no-sites] [--json]

  Whether the kernel can judge a breakpoint there, at what cost, and if not, why. Without a place: how much of the
  program has a site at all.

  --if CONDITION  a Go expression that the breakpoint shall have
  --no-sites      only what the binary says
  --json          {function, goVersion, buildId, params, sites, inlined, problems}, one line for each function`,
  async run(args) {
    const { values, positionals } = readArguments(args, ['BINARY', '[FUNCTION or FILE:LINE]'], {
      if: { type: 'string' },
      'no-sites': { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const [path = '', text] = positionals;
    const binary = await openGoBinary(path);
    try {
      if (text === undefined) {
        const coverage = (await loadPlanner()).coverage(binary, { lines: true });
        if (values.json) printJson(coverage);
        else printLine(coverageText(coverage));
        return exitCode.done;
      }
      const { functions, target } = askedFor(binary, text);
      const explained = functions.flatMap((name) => explainFunction(binary, name));
      if (explained.length === 0) throw unknownFunction(binary, text);
      const planner = values['no-sites'] ? undefined : await loadPlanner();
      const planned = planner && plannedSites(planner, binary, target, values.if);
      const unreadable = planned?.problems.find(({ code }) => code === 'syntax');
      if (unreadable !== undefined) throw new UsageError(unreadable.message);
      for (const one of explained) {
        const sites = planned?.sites.filter((site) => site.function === one.function) ?? [];
        const problems = merged(planned?.problems ?? [], one.problems);
        const whole = planned === undefined ? one : { ...one, sites, problems };
        if (values.json) printJson(whole);
        else printLine(explanationText(whole));
      }
      return exitCode.done;
    } finally {
      binary.close();
    }
  },
};
