/**
 * Exception filters beside Delve's: what a person ticks in the editor, which events of the kernel that is, and how it is
 * told. A further filter is a further row; everything else (capabilities, arming, stops, exceptionInfo) reads this table.
 */
import { type ProbeEvent, signalName } from '@probelens/probes';
import { bpfFilters } from './bpf-filters.js';
import { crashFilters } from './crash-filters.js';
import type { ExceptionFilter } from './filter.js';

const textOf = (event: ProbeEvent, name: string): string | undefined =>
  event.values.find((value) => value.name === name)?.text;

const numberOf = (event: ProbeEvent, name: string): number => Number(textOf(event, name) ?? Number.NaN);

/** Who ran when it happened: `bash (process 4242)`. */
const causer = (event: ProbeEvent): string => {
  const name = textOf(event, 'current_comm')?.replace(/^"|"$/g, '');
  return name === undefined ? `process ${event.pid}` : `${name} (process ${event.pid})`;
};

/** CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH: their default is not to end the program (signal(7)). */
const harmless = [17, 18, 19, 20, 21, 22, 23, 28];

/** HUP, INT, QUIT, ABRT, KILL, TERM: what people and supervisors end programs with. */
const endings = [1, 2, 3, 6, 9, 15];

const kill = 9;

/** SI_TKILL, include/uapi/asm-generic/siginfo.h: by tgkill(2), as whoever raises a signal in himself does. */
const raised = -6;

/** Above 0 the kernel itself, for a fault of the program's. */
const cause = (code: number): string => {
  if (code > 0) return 'a fault of the program itself';
  return code === raised ? 'raised by the program itself' : 'sent by a process';
};

/**
 * HUP, INT, KILL, USR1, USR2, PIPE, ALRM, TERM: where their default ends the program nobody is delivered them. Every thread is
 * delivered SIGKILL then, and so it is when the program ends by itself (complete_signal and zap_other_threads of
 * kernel/signal.c): that tells nothing. By Go's runtime all but KILL are caught, and raised when nobody wants them.
 */
const withoutDump = [1, 2, 10, 12, 13, 14, 15];

const any = (signals: readonly number[]): string => signals.map((each) => `sig == ${each}`).join(' || ');
const none = (signals: readonly number[]): string => signals.map((each) => `sig != ${each}`).join(' && ');

const exceptionFilters: readonly ExceptionFilter[] = [
  {
    filter: 'fatal-signal',
    label: 'Fatal Signals',
    description:
      'A signal that ends the program, as it is delivered, or sent where nobody is delivered it (kernel tracepoints signal:signal_deliver and signal_generate)',
    sources: [
      {
        text: `tracepoint:signal:signal_deliver if sa_handler == 0 && ${none([...harmless, kill])} do log`,
        subject: undefined,
      },
      { text: `tracepoint:signal:signal_generate if sig == ${kill} do log`, subject: 'pid' },
      // Whoever runs raises it in himself.
      {
        text: `tracepoint:signal:signal_generate if code == ${raised} && (${any(withoutDump)}) do log`,
        subject: undefined,
      },
    ],
    tell: (event) => {
      const signal = numberOf(event, 'sig');
      const name = signalName(signal);
      if (signal === kill)
        return { id: name, description: `${name} ends the program: sent by ${causer(event)}.`, stops: false };
      const goroutine = event.goid === '0' ? '' : ` on goroutine ${event.goid}`;
      return {
        id: name,
        description: `${name} ends the program${goroutine}: ${cause(numberOf(event, 'code'))}.`,
        stops: false,
      };
    },
  },
  {
    filter: 'process-kill',
    label: 'Process Kill',
    description: 'Somebody sends the program a signal to end it, and who (kernel tracepoint signal:signal_generate)',
    sources: [
      {
        text: `tracepoint:signal:signal_generate if ${any(endings)} do log`,
        subject: 'pid',
      },
    ],
    tell: (event) => {
      const signal = numberOf(event, 'sig');
      const name = signalName(signal);
      return { id: name, description: `${name} was sent by ${causer(event)}.`, stops: signal !== kill };
    },
  },
  {
    filter: 'out-of-memory',
    label: 'Out-of-Memory Kill',
    description: 'The kernel chooses the program to free memory (kernel tracepoint oom:mark_victim)',
    sources: [{ text: 'tracepoint:oom:mark_victim do log', subject: 'pid' }],
    tell: (event) => {
      const resident = numberOf(event, 'anon_rss');
      // Kilobytes; Linux < 6.9 tells the process only.
      const size = Number.isNaN(resident) ? '' : `, which held ${Math.round(resident / 1024)} MB`;
      return {
        id: 'out of memory',
        description: `The kernel ran out of memory and ends the program${size}.`,
        stops: false,
      };
    },
  },
  ...crashFilters,
  ...bpfFilters,
];

export const filterNamed = (name: string): ExceptionFilter | undefined =>
  exceptionFilters.find(({ filter }) => filter === name);

/** As `initialize` announces them. None is on unasked: each changes what a session shows. */
export const announcedFilters = exceptionFilters
  .filter(({ hidden }) => hidden !== true)
  .map(({ filter, label, description }) => ({ filter, label, description, default: false }));
