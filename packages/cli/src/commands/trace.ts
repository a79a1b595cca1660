import {
  AgentFailure,
  agentCommand,
  type CrashReport,
  type EventNames,
  formatCrash,
  formatTraceEvent,
  formatTraceSummary,
  isPrivileged,
  parseProbeText,
  startCrashWatch,
  startMachineTrace,
  startTrace,
  type Trace,
  type TraceEvent,
  type TraceSummary,
  type TraceTarget,
} from '@probelens/probes';
import { type Command, exitCode, readArguments, UsageError } from '../command.js';
import { CommandError } from '../failure.js';
import { LineStream } from '../line-stream.js';
import { printLine } from '../output.js';
import { ownCommand } from '../own-command.js';

const targetOf = (
  pid: string | undefined,
  binary: string | undefined,
  args: readonly string[],
  json: boolean,
): TraceTarget => {
  if (pid === undefined) {
    if (binary === undefined) throw new UsageError('Name a BINARY to start, or the running program with --pid N.');
    return { kind: 'program', path: binary, args, stdio: json ? 'ignore' : 'inherit' };
  }
  if (binary !== undefined) throw new UsageError('Either --pid N or a BINARY to start, not both.');
  if (args.length > 0) throw new UsageError('A program that runs already takes no arguments.');
  if (!/^[1-9]\d*$/.test(pid)) throw new UsageError(`--pid "${pid}" is not the number of a process.`);
  return { kind: 'running', pid: Number(pid) };
};

/** Probes on eBPF need no program: without one they look at the whole machine. */
const isForMachine = (text: string): boolean => {
  const parsed = parseProbeText(text);
  return parsed.ok && parsed.spec.target.kind === 'bpf';
};

/** Share of one core, from "50%" or "none". */
const budgetOf = (text: string): number => {
  if (text === 'none') return Number.POSITIVE_INFINITY;
  const percent = /^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1];
  if (percent === undefined) throw new UsageError(`--budget "${text}" is neither a percentage of a core nor "none".`);
  return Number(percent) / 100;
};

type Running = Pick<Trace, 'finished' | 'stop'>;

/**
 * Ctrl-C takes the probes out first, also while they still go in; a second one ends the command at once, and the
 * kernel takes them out.
 */
const untilEnd = async (starting: Promise<Running>): Promise<TraceSummary> => {
  const requested = new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const trace = await starting;
  // A stop that fails is told by `finished` as well.
  void requested.then(() => trace.stop()).catch(() => undefined);
  return await trace.finished;
};

/** The same failure in terms of the command line. */
const asAsked = (error: unknown): unknown => {
  if (!(error instanceof AgentFailure)) return error;
  // A probe that cannot be read is as wrong as an option that there is not.
  if (error.code === 'bad-probe-text' || error.code === 'syntax') return new UsageError(error.message);
  if (isPrivileged()) return error;
  if (error.code === 'agent-not-found')
    return new CommandError(
      'Probes need root, and there is no sudo here; run the command as root, from `su -` for example.',
    );
  if (error.code === 'agent-not-privileged')
    return new CommandError(
      `Probes need root, and sudo wants a password; run the command with sudo, or allow it once and for all with the line that \`probelens doctor\` prints.`,
    );
  return error;
};

export const trace: Command = {
  usage: `probelens trace BINARY or --pid N --probe TEXT [--probe TEXT]... [--library FILE] [--budget PERCENT] [--json] [-- ARGS]
       probelens trace --probe bpf:load [--verifier-log] [--reload-for-log] [--json]
       probelens trace --crashes [BINARY or --pid N] [--probe TEXT]... [--json] [-- ARGS]

  Counts and logs without stopping the program, until it ends or Ctrl-C; then a table.

  --pid N           the program that runs already
  --probe TEXT      for example 'main.price if o.Qty == 0 do log "{o.ID}"', 'tracepoint:sched:sched_switch do count',
                    'tracepoint:syscalls:sys_enter_write if fd == 1 && count > 100', 'main.price on label "tenant"="acme"',
                    'main.open then arm 2' (the second probe is off until then)
  --library FILE    the Go code is in this shared library, which the program loads (-buildmode=c-shared, or plugin)
  --budget PERCENT  of one core that a probe may cost before it is taken out, or none; 50% unless given
  --json            one object for each event, {t, probe, pid, tid, cpu, goid, values, lost}, and one for the table;
                    a program that is started prints nothing then
  -- ARGS           for a program that is started

  bpf:load, bpf:map, bpf:link and bpf:attach tell of eBPF programs, and of those that the verifier refuses why; with no
  program named, those of the whole machine; one that is named need not be Go. 'bpf:load if type == "xdp" limit 10',
  'bpf:load if refused'
  --verifier-log    the verifier's whole log and the instructions below each
  --crashes         a report of each panic, fatal error, signal, kill and os.Exit: goroutine, value, stack, who created it,
                    the last openat, connect, read and write of the goroutine and thread (100 of a kind a second, 0.4 us
                    each) and what --probe saw of them, exit code; also of stripped programs; without BINARY and --pid of
                    every Go program that runs, and of those that start and live for half a second, then without the
                    system calls. With --probe crash:thread-exit threads that end with their goroutine
  --reload-for-log  a refused program that asked for no log is loaded once more, by probelens, to get one`,
  async run(args) {
    const { values, positionals, rest } = readArguments(args, ['[BINARY]'], {
      pid: { type: 'string' },
      probe: { type: 'string', multiple: true },
      library: { type: 'string' },
      budget: { type: 'string' },
      json: { type: 'boolean' },
      crashes: { type: 'boolean' },
      'verifier-log': { type: 'boolean' },
      'reload-for-log': { type: 'boolean' },
    });
    const json = values.json ?? false;
    const wholeLog = values['verifier-log'] ?? false;
    const probes = values.probe ?? [];
    const crashes = values.crashes ?? false;
    if (probes.length === 0 && !crashes) throw new UsageError("Name at least one probe: --probe 'main.main do count'.");
    const lines = new LineStream(() => void starting.then((trace) => trace.stop()).catch(() => undefined));
    const watching = {
      agentCommand: agentCommand(ownCommand('agent')),
      probes,
      reloadForLog: values['reload-for-log'] ?? false,
      onEvent: (event: TraceEvent, names: EventNames) =>
        lines.add(json ? JSON.stringify(event) : formatTraceEvent(names, event, { wholeLog })),
    };
    const onCrash = (crash: CrashReport): void => lines.add(json ? JSON.stringify({ crash }) : formatCrash(crash));
    const wholeMachine =
      values.pid === undefined && positionals[0] === undefined && !crashes && probes.every(isForMachine);
    const onNote = (sentence: string): void => void process.stderr.write(`probelens: ${sentence}\n`);
    const everyProgram = values.pid === undefined && positionals[0] === undefined && crashes && probes.length === 0;
    const { agentCommand: command } = watching;
    const starting: Promise<Running> = everyProgram
      ? startCrashWatch({ agentCommand: command, onCrash, onNote })
      : wholeMachine
        ? startMachineTrace(watching)
        : startTrace({
            ...watching,
            target: targetOf(values.pid, positionals[0], rest, json),
            ...(values.library === undefined ? {} : { library: values.library }),
            budget: budgetOf(values.budget ?? '50%'),
            ...(crashes ? { onCrash } : {}),
            onNote,
          });
    const summary = await untilEnd(starting).catch((error: unknown) => {
      throw asAsked(error);
    });
    lines.flush();
    if (lines.failure !== undefined) throw lines.failure;
    printLine(json ? JSON.stringify(summary) : formatTraceSummary(summary));
    return exitCode.done;
  },
};
