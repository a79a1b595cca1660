/** What a trace comes to. */
import type { ProbeCounters } from '../events.js';

export interface ProbeSummary {
  /** From 1, in the order in which they were asked for. */
  readonly probe: number;
  readonly text: string;
  readonly hits: number;
  readonly matches: number;
  readonly faults: number;
  /** Matches that were not sent: the rate limit, or no room in the ring buffer. */
  readonly lost: number;
  /** How many of those were left out by the rate limit. */
  readonly limited: number;
  /** Disarmed before the end because it cost more than it may. */
  readonly stoppedEarly: boolean;
}

export interface TraceSummary {
  readonly seconds: number;
  readonly probes: readonly ProbeSummary[];
  /** Of the program, when the trace started it and it ended by itself. */
  readonly exitCode: number | undefined;
}

export const probeSummary = (
  probe: number,
  text: string,
  counters: ProbeCounters | undefined,
  stoppedEarly: boolean,
): ProbeSummary => ({
  probe,
  text,
  hits: counters?.hits ?? 0,
  matches: counters?.matches ?? 0,
  faults: counters?.faults ?? 0,
  lost: counters?.dropped ?? 0,
  limited: counters?.full === undefined ? 0 : counters.dropped - counters.full,
  stoppedEarly,
});

const COLUMNS = ['hits', 'matches', 'faults', 'lost'] as const;

const grouped = (value: number): string => value.toString().replace(/\B(?=(\d{3})+$)/g, ',');

const remarks = ({ limited, stoppedEarly }: ProbeSummary): readonly string[] => [
  ...(limited > 0 ? [`(${grouped(limited)} over its limit)`] : []),
  ...(stoppedEarly ? ['(disarmed early)'] : []),
];

/** A table, the probes' texts last because they are long. */
export const formatTraceSummary = (summary: TraceSummary): string => {
  const rows = [
    [...COLUMNS, 'probe'],
    ...summary.probes.map((probe) => [
      ...COLUMNS.map((column) => grouped(probe[column])),
      [probe.text, ...remarks(probe)].join('  '),
    ]),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column < COLUMNS.length ? cell.padStart(widths[column] ?? 0) : cell)).join('  '),
  );
  const { exitCode } = summary;
  const ending = exitCode === undefined ? '' : `, exit code ${exitCode}`;
  return [...lines, `${summary.seconds.toFixed(3)} s${ending}`].join('\n');
};
