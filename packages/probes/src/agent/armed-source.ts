/** One tracepoint or perf event, armed for one process. */
import { type BpfMap, createMap, features, kernelBtf, type Link, loadProgram, u32 } from '@probelens/bpf';
import type { ProbeCounters } from '../events.js';
import type { LoweredExpression } from '../plan/expression.js';
import type { PlannedCapture } from '../plan/plan.js';
import { type RecordLayout, recordLayout } from '../program/record.js';
import type { ProgramMachine } from '../program/registers.js';
import { stateSize } from '../program/state.js';
import type { ProbeSpec } from '../spec/spec.js';
import { type Armed, countersFrom, Opened } from './armed.js';
import type { Control } from './control.js';
import type { ProcessIdentity } from './process-state.js';
import type { ProgramCode, SourceRuntime } from './protocol.js';
import * as refusal from './refusal.js';
import { sourceOf } from './source.js';
import { chosenFields, currentComm } from './source-fields.js';
import { buildSourceProgram } from './source-program.js';
import { asksForStack, memoryPlaces } from './source-stack.js';
import { ThreadMap } from './thread-map.js';

export interface SourceRequest {
  readonly id: number;
  readonly spec: ProbeSpec;
  readonly target: ProcessIdentity;
  readonly runtime: SourceRuntime | undefined;
  readonly condition: LoweredExpression | undefined;
  /** Holes of the template that are more than a field. */
  readonly captures: readonly PlannedCapture[];
  readonly machine: ProgramMachine;
  readonly maps: {
    readonly control: BpfMap;
    readonly events: BpfMap;
    readonly armedThreads: BpfMap;
    readonly switches: BpfMap;
  };
  /** By which others switch it. */
  readonly switchedBy: number | undefined;
  /** "arm": the thread stops at the next gate, for a debugger; "halt": the process stops at once. */
  readonly stop: 'none' | 'arm' | 'halt';
  readonly control: Control;
  readonly subject: string | undefined;
  readonly label: LoweredExpression | undefined;
  readonly code: ProgramCode | undefined;
  /** What it runs now is not yet the program. */
  readonly starting: boolean;
}

/** What the kernel calls the thread pointer: struct thread_struct of each machine. */
const threadPointer = { amd64: 'thread.fsbase', arm64: 'thread.uw.tp_value' } as const;

const FIRST = u32(0);

export class ArmedSource implements Armed {
  readonly id: number;
  readonly target: ProcessIdentity;
  readonly captures: readonly PlannedCapture[];
  readonly layout: RecordLayout;
  readonly stop: Armed['stop'];
  readonly code: ProgramCode | undefined;
  readonly #control: Control;
  readonly #opened = new Opened();
  readonly #state: BpfMap;
  readonly #link: Link;
  #final: ProbeCounters | undefined;

  /** Arms. Throws KernelError and `Refused`; nothing is left in the kernel then. */
  constructor(request: SourceRequest) {
    const { spec, machine } = request;
    this.id = request.id;
    this.target = request.target;
    this.stop = request.stop === 'arm' ? 'trap' : request.stop;
    this.#control = request.control;
    const source = sourceOf(spec.target, machine);
    const own = request.subject === undefined ? [] : [currentComm(kernelBtf().offsetOf('task_struct', 'comm'))];
    const known = [...own, ...source.fields];
    const template = spec.action.kind === 'log' ? spec.action.template : undefined;
    const { fields, unknown } = chosenFields(known, template, request.captures);
    if (unknown.length > 0 && source.type === 'kprobe') throw refusal.fieldsUnseen();
    if (unknown.length > 0) {
      const names = known.map((each) => each.capture.name).join(', ');
      throw refusal.unsupported(`The field ${unknown.join(', ')}`, `it has ${names || 'none'}`);
    }
    this.captures = fields.map((each) => each.capture);
    const { code, starting } = request;
    const withStack = code !== undefined && (asksForStack(spec) || request.stop === 'halt');
    this.code = withStack ? code : undefined;
    this.layout = recordLayout(this.captures, withStack, withStack);
    const { label } = request;
    const place = { target: request.target.pid, machine, runtime: request.runtime, label };
    try {
      const offset = kernelBtf().offsetOf('task_struct', threadPointer[machine]);
      const second = request.subject === undefined ? source.second : undefined;
      const threads = second && this.#opened.add(new ThreadMap({ ...place, threadPointer: offset })).map;
      this.#state = this.#opened.add(
        createMap({ type: 'array', name: 'probelens_state', valueSize: stateSize, maxEntries: 1 }),
      );
      const program = this.#opened.add(
        loadProgram({
          type: source.type,
          name: 'probelens_event',
          instructions: buildSourceProgram({
            spec,
            probe: request.id,
            ...place,
            threadPointer: offset,
            second: second && threads && { ...second, threads },
            maps: { state: this.#state, ...request.maps },
            stop: request.stop,
            switchedBy: request.switchedBy,
            fields,
            known,
            subject: request.subject,
            program: code && { code, starting, ...memoryPlaces() },
            callers: withStack ? { registers: features().taskRegisters.works } : undefined,
            condition: request.condition,
            layout: this.layout,
          }),
        }),
      );
      if (request.stop === 'arm') this.#control.startArming(this.id);
      this.#link = source.attach(program);
    } catch (error) {
      this.#control.stopArming(this.id);
      this.#opened.close();
      throw error;
    }
  }

  get counters(): ProbeCounters {
    return this.#final ?? countersFrom(this.id, this.#state.lookup(FIRST));
  }

  holds(): boolean {
    return false;
  }

  disarm(): ProbeCounters {
    if (this.#final !== undefined) return this.#final;
    this.#link.close();
    this.#control.stopArming(this.id);
    this.#final = countersFrom(this.id, this.#state.lookup(FIRST));
    this.#opened.close();
    return this.#final;
  }
}
