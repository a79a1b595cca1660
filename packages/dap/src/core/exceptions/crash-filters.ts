/** Where the Go runtime panics and gives up, as exception filters: with Delve what it has no breakpoint for, without it all. */
import type { CapturedValue, ProbeEvent } from '@probelens/probes';
import type { ExceptionFilter, FilterSource, Told } from './filter.js';

const textOf = (values: readonly CapturedValue[], name: string): string =>
  values.findLast((value) => value.name === name)?.text ?? '?';

/** " (SIGSEGV at address 0x0)", where the processor began it. */
const faultText = (values: readonly CapturedValue[]): string => {
  const fault = values.find(({ name }) => name === 'fault');
  return fault === undefined ? '' : ` (${fault.text})`;
};

const source = (text: string, optional = false): FilterSource => ({ text, subject: undefined, optional });

const panics =
  (id: string, description: (panic: string) => string) =>
  (values: readonly CapturedValue[]): Told => ({
    id,
    description: description(`${textOf(values, 'panic')}${faultText(values)}`),
    stops: true,
  });

const exits = (values: readonly CapturedValue[]): Told => ({
  id: 'os.Exit',
  description: `os.Exit(${textOf(values, 'code')}) is about to end the program.`,
  stops: true,
});

const fails = (values: readonly CapturedValue[]): Told => ({
  id: 'fatal error',
  description: `fatal error: ${textOf(values, 'message')}${faultText(values)}`,
  stops: true,
});

const caught = (values: readonly CapturedValue[]): Told => ({
  id: textOf(values, 'signal'),
  description: `${textOf(values, 'signal')} reached the runtime, which ends the program by it.`,
  stops: true,
});

const byPlace = (place: (values: readonly CapturedValue[]) => Told) => ({
  place,
  tell: (event: ProbeEvent): Told => place(event.values),
});

export const crashFilters: readonly ExceptionFilter[] = [
  {
    filter: 'any-panic',
    label: 'All Panics, Recovered Too',
    description: 'Where a panic begins, whether or not somebody recovers it (runtime.gopanic), with its value',
    sources: [source('crash:panic do stop')],
    ...byPlace(panics('panic', (panic) => `panic: ${panic}`)),
  },
  {
    filter: 'os-exit',
    label: 'os.Exit',
    description: 'Before os.Exit ends the program, with the exit code',
    sources: [source('crash:exit do stop', true)],
    ...byPlace(exits),
  },
  {
    filter: 'crash',
    label: 'Crashes',
    description:
      'Panics that nobody recovers, fatal errors and signals that end the program; without Delve, which has its own',
    sources: ['fatal-panic', 'throw', 'signal'].map((what) => source(`crash:${what} do stop`, true)),
    tell: () => undefined,
    place: (values) => {
      const named = new Set(values.map(({ name }) => name));
      if (named.has('message')) return fails(values);
      if (named.has('signal')) return caught(values);
      return panics('panic', (panic) => `panic: ${panic}, which nobody recovered`)(values);
    },
    withoutDelve: true,
  },
];
