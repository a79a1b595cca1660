/** From records and events of one process, in the order in which they happened, to one report for each crash. */
import type { ProbeEvent } from '../events.js';
import type { ProbeSpec } from '../spec/spec.js';
import { Moments } from './moments.js';
import type { CrashRecord } from './record.js';
import type { CrashKind, CrashReport, SignalCause } from './report.js';
import { signalName } from './signal-names.js';

interface Sender {
  readonly pid: number;
  readonly name?: string;
}

const textOf = (event: ProbeEvent, name: string): string | undefined =>
  event.values.find((value) => value.name === name && !value.faulted)?.text;

const numberOf = (event: ProbeEvent, name: string): number => Number(textOf(event, name) ?? Number.NaN);

/** SI_TKILL: by tgkill(2), which names a thread. */
const byThread = -6;

/** SI_KERNEL, include/uapi/asm-generic/siginfo.h. */
const byKernel = 0x80;

/** SI_USER, SI_QUEUE and SI_TKILL: a process sent it. */
const isSent = (code: number): boolean => code <= 0;

/** As printpanics has it (src/runtime/panic.go). */
const panicSentence = ({ panics }: CrashRecord): string =>
  panics
    .filter((_, index) => panics[index - 1]?.repanicked !== true)
    .map(({ text, recovered, repanicked, goexit }) => {
      const mark = repanicked === true ? ' [recovered, repanicked]' : ' [recovered]';
      return goexit ? text : `panic: ${text}${recovered ? mark : ''}`;
    })
    .join('; then ');

export class CrashCollector {
  readonly #onReport: (report: CrashReport) => void;
  readonly #pid: number;
  readonly #senders = new Map<number, Sender>();
  readonly #moments = new Moments();
  /** They wait for the process's end, which says with what it ended. Several goroutines may crash in the same moment. */
  #pending: CrashReport[] = [];
  /** The process has said how it ends. */
  #over = false;
  #lastRecovered = 0;
  #outOfMemory: ProbeEvent | undefined;
  #lastSent: number | undefined;

  constructor(pid: number, onReport: (report: CrashReport) => void) {
    this.#pid = pid;
    this.#onReport = onReport;
  }

  /** Any event that a timeline shows. */
  note(event: ProbeEvent, text: string): void {
    const { time: t, tid, goid } = event;
    this.#moments.add({ t, tid, goid, text }, false);
  }

  #report(kind: CrashKind, event: ProbeEvent, message: string, rest: Partial<CrashReport> = {}): CrashReport {
    const goroutine = rest.goroutine ?? event.goid;
    const { time: t, tid } = event;
    const timeline = this.#moments.of(tid, goroutine, kind !== 'recovered-panic');
    return { kind, t, pid: this.#pid, tid, stack: [], notes: [], ...rest, goroutine, message, timeline };
  }

  #fromRecord(kind: CrashKind, event: ProbeEvent, record: CrashRecord, message: string): CrashReport {
    const { goroutine, panics, stack, createdBy, fault, notes } = record;
    return this.#report(kind, event, message, {
      goroutine,
      stack,
      notes,
      ...(panics.length === 0 ? {} : { panics }),
      ...(createdBy === undefined ? {} : { createdBy }),
      ...(fault === undefined ? {} : { fault }),
    });
  }

  /** An event of one of `crashSources`. */
  onEvent(event: ProbeEvent, spec: ProbeSpec, record: CrashRecord | undefined): void {
    if (record !== undefined) this.#onRecord(event, record);
    else if (spec.target.kind === 'tracepoint') this.#onKernelEvent(event, spec.target.name);
  }

  #onKernelEvent(event: ProbeEvent, name: string): void {
    if (name === 'signal_generate') this.#onSignalSent(event);
    else if (name === 'signal_deliver') this.#onDelivered(event);
    else if (name === 'mark_victim') this.#outOfMemory = event;
    else if (name === 'sys_enter_exit_group') this.#onExit(event);
  }

  #onRecord(event: ProbeEvent, record: CrashRecord): void {
    switch (record.what) {
      case 'panic':
      case 'thread-exit':
        return;
      case 'recovered':
        this.#recovered(event, record);
        return;
      case 'fatal-panic':
        this.#pending.push(this.#fromRecord('panic', event, record, panicSentence(record)));
        return;
      case 'throw': {
        const message = `fatal error: ${record.message ?? '(its text could not be read)'}`;
        this.#pending.push(this.#fromRecord('fatal-error', event, record, message));
        return;
      }
      case 'signal':
        this.#caught(event, record);
        return;
      case 'exit':
        this.#pending.push(this.#fromRecord('exit', event, record, `os.Exit(${record.code ?? '?'}) ended the program`));
    }
  }

  #recovered(event: ProbeEvent, record: CrashRecord): void {
    const omitted = Math.max(0, event.number - this.#lastRecovered - 1);
    this.#lastRecovered = Math.max(this.#lastRecovered, event.number);
    const panics = record.panics.map((panic) => ({ ...panic, recovered: true }));
    const message = `recovered panic: ${panics.at(-1)?.text ?? '(its value could not be read)'}`;
    const report = this.#fromRecord('recovered-panic', event, { ...record, panics }, message);
    const { time: t, tid } = event;
    this.#moments.add({ t, tid, goid: record.goroutine, text: message }, true);
    this.#onReport(omitted === 0 ? report : { ...report, omitted });
  }

  /** The runtime's handler has a signal that it will not survive. */
  #caught(event: ProbeEvent, record: CrashRecord): void {
    const number = record.signal?.number ?? 0;
    const code = record.signal?.code ?? 0;
    const cause = this.#cause(number, code, record.signal?.info);
    const where = record.inC ? ' while C code ran' : '';
    const report = this.#fromRecord('signal', event, record, `${this.#sentence(cause, code)}${where}`);
    this.#pending.push({ ...report, signal: cause });
  }

  #cause(number: number, code: number, info?: Buffer): SignalCause {
    const cause = { name: signalName(number), number };
    if (isSent(code)) {
      const told = this.#senders.get(number);
      // siginfo_t of kill: the sender's process, behind three integers and padding.
      const pid = info === undefined || info.length < 20 ? told?.pid : info.readInt32LE(16);
      if (told !== undefined && (told.pid === pid || pid === undefined)) return { ...cause, sender: told };
      return pid === undefined || pid === 0 ? cause : { ...cause, sender: { pid } };
    }
    // The kernel names no address for what is no page fault: breakpoint instructions, addresses that cannot be.
    if (info === undefined || info.length < 24 || code === byKernel) return cause;
    return { ...cause, address: `0x${info.readBigUInt64LE(16).toString(16)}` };
  }

  #sentence({ name, sender, address }: SignalCause, code: number): string {
    if (sender === undefined) {
      if (isSent(code)) return `${name} ended the program`;
      if (name === 'SIGTRAP') return 'SIGTRAP by a breakpoint instruction of the program';
      return `${name} by a fault of the program${address === undefined ? '' : ` at address ${address}`}`;
    }
    if (sender.pid === this.#pid) return `${name}, which the program sent to itself`;
    return `${name}, sent by ${sender.name === undefined ? '' : `${sender.name}, `}process ${sender.pid}`;
  }

  /** The process ended so, and told nothing else. */
  #tellPending(rest: Pick<CrashReport, 'exitCode' | 'signal'>): boolean {
    const waiting = this.#pending;
    this.#pending = [];
    for (const report of waiting) this.#onReport({ ...rest, ...report });
    return waiting.length > 0;
  }

  #onSignalSent(event: ProbeEvent): void {
    const number = numberOf(event, 'sig');
    this.#lastSent = number;
    // The runtime sends itself what it has caught, to end by it: that is not the news.
    if (event.pid === this.#pid && this.#senders.has(number)) return;
    const name = textOf(event, 'current_comm')?.replace(/^"|"$/g, '');
    this.#senders.set(number, { pid: event.pid, ...(name === undefined ? {} : { name }) });
  }

  /** A signal's default ends the process. */
  #onDelivered(event: ProbeEvent): void {
    if (this.#over) return;
    const delivered = numberOf(event, 'sig');
    // Whatever ends a process without a core dump arrives at its threads as SIGKILL (complete_signal, kernel/signal.c).
    const isKill = delivered === 9;
    const number = isKill && this.#outOfMemory === undefined ? this.#lastSent : delivered;
    if (number === undefined) return;
    this.#over = true;
    const code = isKill ? 0 : numberOf(event, 'code');
    const cause = this.#cause(number, code);
    // The runtime ends itself by the signal (GOTRACEBACK=crash), or hands on the one that it had caught.
    if (this.#tellPending({ signal: cause })) return;
    if (number === 9 && this.#outOfMemory !== undefined) {
      const message = 'The kernel ran out of memory and ended the program';
      this.#onReport(this.#report('out-of-memory', event, message, { signal: cause }));
      return;
    }
    const kind = cause.sender === undefined || cause.sender.pid === this.#pid ? 'signal' : 'killed';
    this.#onReport(this.#report(kind, event, this.#deliveredSentence(event, cause, code), { signal: cause }));
  }

  #deliveredSentence({ goid, tid }: ProbeEvent, cause: SignalCause, code: number): string {
    // The runtime's handler gives a signal of a thread that C made back to that very thread (raisebadsignal, signal_unix.go).
    if (cause.sender === undefined && code === byThread && goid === '0')
      return `${cause.name} in thread ${tid}, which C code made and which runs no goroutine`;
    // epipecheck of package os, which ends the program as others are ended by the signal itself.
    if (cause.name === 'SIGPIPE' && cause.sender?.pid === this.#pid)
      return 'SIGPIPE, which the program sent to itself: nobody reads its stdout or stderr any more';
    return this.#sentence(cause, code);
  }

  #onExit(event: ProbeEvent): void {
    if (this.#over) return;
    this.#over = true;
    const exitCode = numberOf(event, 'error_code') & 0xff;
    if (!this.#tellPending({ exitCode }) && exitCode !== 0)
      this.#onReport(this.#report('exit', event, `The program ended with exit code ${exitCode}`, { exitCode }));
  }

  /** No more events will come. */
  end(): void {
    this.#tellPending({});
  }
}
