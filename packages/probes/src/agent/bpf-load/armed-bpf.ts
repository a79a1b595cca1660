/** A `bpf:` probe: the system call's two tracepoints, for one process or for all of them. */
import {
  attachTracepoint,
  type BpfMap,
  createMap,
  features,
  kernelBtf,
  loadProgram,
  RingBuffer,
  u32,
} from '@probelens/bpf';
import type { BpfCall, BpfWhat } from '../../bpf-load/call.js';
import type { ProbeCounters, ProbeEvent } from '../../events.js';
import type { PlannedCapture } from '../../plan/plan.js';
import { recordLayout } from '../../program/record.js';
import { stateSize } from '../../program/state.js';
import { type Armed, countersFrom, Opened } from '../armed.js';
import type { ProcessIdentity } from '../process-state.js';
import type { ProgramCode } from '../protocol.js';
import { memoryPlaces } from '../source-stack.js';
import { type BpfRequest, checkRequest } from './asked.js';
import { eventOf } from './call-event.js';
import { holds } from './condition.js';
import { GoPrograms } from './go-programs.js';
import { callLayout, commands, pendingBytes } from './layout.js';
import { kernelObjects } from './objects.js';
import { observedCall } from './observed.js';
import { buildEnter, buildExit } from './program.js';
import { RateLimit } from './rate-limit.js';
import { CallRecords, type SeenCall } from './records.js';
import { withReloadedLog } from './reload.js';
import type { BpfProgramRequest } from './request.js';
import { WaitingCalls } from './waiting-calls.js';

const commandsOf: Readonly<Record<BpfWhat, readonly number[]>> = {
  load: [commands.programLoad],
  map: [commands.mapCreate],
  link: [commands.linkCreate, commands.rawTracepoint, commands.linkUpdate, commands.linkDetach],
  attach: [commands.attach, commands.detach],
};

/** Loads that are under way at once, on the whole machine; the map forgets the oldest of more. */
const mostPending = 4096;

/** A load with a long log takes 150 kB, a small one 1.5. */
const ringBytes = 4 * 1024 * 1024;

/** Calls that are looked into before the ring is emptied again: some milliseconds of work. */
const atOnce = 16;
const smallRingBytes = 64 * 1024;

const threadPointer = { amd64: 'thread.fsbase', arm64: 'thread.uw.tp_value' } as const;

const FIRST = u32(0);

/** What no process has. */
const everybody: ProcessIdentity = { pid: 0, startTime: '0' };

export class ArmedBpf implements Armed {
  readonly id: number;
  readonly target: ProcessIdentity;
  readonly captures: readonly PlannedCapture[] = [];
  readonly layout = recordLayout([]);
  readonly stop: Armed['stop'];
  readonly #request: BpfRequest;
  readonly #opened = new Opened();
  readonly #links = new Opened();
  readonly #state: BpfMap;
  readonly #ring: RingBuffer;
  /** Whose callers are told; under Delve it tells them. */
  readonly #code: ProgramCode | undefined;
  readonly #records: CallRecords;
  readonly #programs = new GoPrograms();
  readonly #waiting = new WaitingCalls();
  #turn: NodeJS.Immediate | undefined;
  #sent: Promise<void> = Promise.resolve();
  #matches = 0;
  /** Calls whose attributes nobody could read. */
  #unread = 0;
  readonly #limit: RateLimit | undefined;
  /** Matches that the limit left out. */
  #limited = 0;
  #number = 0;
  #final: ProbeCounters | undefined;

  /** Arms. Throws KernelError, BtfError and `Refused`; nothing is left in the kernel then. */
  constructor(request: BpfRequest) {
    checkRequest(request);
    this.#request = request;
    this.#code = request.stop === 'halt' ? request.code : undefined;
    this.#records = new CallRecords(callLayout(this.#code !== undefined));
    this.id = request.id;
    this.stop = request.stop === 'arm' ? 'trap' : request.stop;
    this.target = request.target ?? everybody;
    const { rateLimit } = request.spec;
    // As everywhere, it is for what is told: a stop is a stop.
    if (rateLimit !== undefined && request.stop === 'none') this.#limit = new RateLimit(rateLimit);
    try {
      const add = <T extends { close(): void }>(made: T): T => this.#opened.add(made);
      this.#state = add(createMap({ type: 'array', name: 'probelens_state', valueSize: stateSize, maxEntries: 1 }));
      const maxEntries = request.what === 'load' ? ringBytes : smallRingBytes;
      const events = add(createMap({ type: 'ringbuf', name: 'probelens_bpf', maxEntries }));
      const calls = add(
        createMap({
          type: 'lru-hash',
          name: 'probelens_calls',
          keySize: 8,
          valueSize: pendingBytes,
          maxEntries: mostPending,
        }),
      );
      this.#ring = add(new RingBuffer(events));
      const program = this.#programRequest(events, calls);
      const entered = add(
        loadProgram({ type: 'tracepoint', name: 'probelens_enter', instructions: buildEnter(program) }),
      );
      const left = add(loadProgram({ type: 'tracepoint', name: 'probelens_exit', instructions: buildExit(program) }));
      if (request.stop === 'arm') request.control.startArming(this.id);
      // The exit first: a call that was entered is seen to its end.
      this.#links.add(attachTracepoint({ program: left, category: 'syscalls', name: 'sys_exit_bpf' }));
      this.#links.add(attachTracepoint({ program: entered, category: 'syscalls', name: 'sys_enter_bpf' }));
      add(this.#ring.onReadable(() => this.#read(), { interval: 0 }));
    } catch (error) {
      this.#links.close();
      request.control.stopArming(this.id);
      this.#opened.close();
      throw error;
    }
  }

  #programRequest(events: BpfMap, calls: BpfMap): BpfProgramRequest {
    const { id, what, target, user, machine, runtime, control, stop, condition } = this.#request;
    return {
      probe: id,
      what,
      commands: commandsOf[what],
      target: target?.pid,
      self: process.pid,
      user,
      machine,
      runtime,
      threadPointer: kernelBtf().offsetOf('task_struct', threadPointer[machine]),
      objects: kernelObjects(),
      callers: this.#code === undefined ? undefined : { ...memoryPlaces(), registers: features().taskRegisters.works },
      stop,
      condition: stop === 'none' ? undefined : condition,
      maps: { state: this.#state, control: control.map, armedThreads: control.armedThreads, events, calls },
    };
  }

  get counters(): ProbeCounters {
    return this.#final ?? this.#count();
  }

  #count(): ProbeCounters {
    const counted = countersFrom(this.id, this.#state.lookup(FIRST));
    const dropped = counted.dropped + this.#limited + this.#waiting.lost;
    return {
      ...counted,
      matches: this.#matches,
      faults: this.#unread,
      dropped,
      full: (counted.full ?? 0) + this.#waiting.lost,
    };
  }

  holds(): boolean {
    return false;
  }

  /** Resolves when everything that the ring holds now has left this process. */
  async flush(): Promise<void> {
    if (this.#final === undefined) this.#readAll();
    await this.#sent;
  }

  disarm(): ProbeCounters {
    if (this.#final !== undefined) return this.#final;
    this.#links.close();
    this.#request.control.stopArming(this.id);
    this.#readAll();
    this.#final = this.#count();
    this.#opened.close();
    return this.#final;
  }

  /** Takes everything out of the ring, and a few calls on to whoever waits for them; the rest in later turns. */
  #read(): void {
    this.#ring.drain((view, offset) => {
      const seen = this.#records.take(view, offset);
      if (seen !== undefined) this.#waiting.add(seen);
    });
    this.#tell(atOnce);
    if (!this.#waiting.isEmpty)
      this.#turn ??= setImmediate(() => {
        this.#turn = undefined;
        this.#read();
      });
  }

  #readAll(): void {
    this.#read();
    this.#tell(Number.POSITIVE_INFINITY);
    clearImmediate(this.#turn);
    this.#turn = undefined;
  }

  #tell(most: number): void {
    const found: Found[] = [];
    for (const seen of this.#waiting.take(most)) {
      const event = this.#event(seen);
      if (event !== undefined) found.push({ seen, event });
    }
    if (found.length === 0) return;
    const { target, send } = this.#request;
    // Of a program that was named its goroutines are known already, and its events go out before what they cause.
    const sending = target === undefined ? this.#sent.then(() => this.#sendNamed(found)) : send(found.map(only));
    this.#sent = Promise.all([this.#sent, sending]).then(() => undefined);
  }

  async #sendNamed(found: readonly Found[]): Promise<void> {
    const events: ProbeEvent[] = [];
    for (const { seen, event } of found) events.push({ ...event, goid: await this.#programs.goroutineOf(seen) });
    await this.#request.send(events);
  }

  #event(seen: SeenCall): ProbeEvent | undefined {
    const { spec, what } = this.#request;
    const call = this.#observe(seen, what);
    if (call === undefined) {
      this.#unread++;
      return undefined;
    }
    if (!this.#isMeant(seen, call)) return undefined;
    this.#matches++;
    if (spec.action.kind === 'count') return undefined;
    if (this.#limit?.admits(seen.header.time) === false) {
      this.#limited++;
      return undefined;
    }
    return eventOf(this.id, ++this.#number, seen, call, this.#code);
  }

  #observe(seen: SeenCall, what: BpfWhat): BpfCall | undefined {
    const call = observedCall(what, seen);
    if (call?.kind !== 'load' || !this.#request.reloadForLog) return call;
    return withReloadedLog(seen, call);
  }

  #isMeant({ header }: SeenCall, call: BpfCall): boolean {
    const { spec, condition } = this.#request;
    const only = spec.scope.kind === 'goroutine' ? BigInt(spec.scope.id) : spec.scope.kind === 'main' ? 1n : undefined;
    if (only !== undefined && header.goroutine !== only) return false;
    return condition === undefined || holds(call, condition);
  }
}

interface Found {
  readonly seen: SeenCall;
  readonly event: ProbeEvent;
}

const only = ({ event }: Found): ProbeEvent => event;
