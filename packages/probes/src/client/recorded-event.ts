/** Records as events: nothing of them is decoded before somebody asks for it. */
import { capturedValue } from '../agent/captured-text.js';
import { type LinkedStack, linkedBy, roamingStack, withoutStack } from '../agent/linked-stack.js';
import type { RecordShape, StackSite } from '../agent/protocol.js';
import type { CapturedValue, ProbeEvent } from '../events.js';
import {
  becauseShift,
  forEachRecord,
  type RecordedStack,
  type RecordLayout,
  readStack,
  recordFlags,
  recordLayout,
  recordOffsets,
} from '../program/record.js';

interface Known extends RecordShape {
  readonly layout: RecordLayout;
}

/** A u64 below 2^53 as a number. */
const safeInteger = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

/** Decimal; by way of a number where that is exact: this runs for every event. */
const decimal = (view: DataView, at: number): string =>
  String(view.getUint32(at + 4, true) < 2 ** 21 ? safeInteger(view, at) : view.getBigUint64(at, true));

/** x86-64 `push %rbp`, the first instruction of a frame. */
const PUSH_FRAME = '55';

/** Before a frame is made its caller is only at the stack pointer; Linux >= 6.11 looks there itself. */
const withCaller = (site: StackSite, addresses: readonly bigint[], top: bigint): readonly bigint[] => {
  const [here, caller] = addresses;
  if (site.instruction !== PUSH_FRAME || here === undefined || caller === top || top === 0n) return addresses;
  return [here, top, ...addresses.slice(1)];
};

class RecordedEvent implements ProbeEvent {
  readonly #known: Known;
  readonly #view: DataView;
  readonly #offset: number;
  #values: readonly CapturedValue[] | undefined;
  #stack: LinkedStack | undefined;

  constructor(known: Known, view: DataView, offset: number) {
    this.#known = known;
    this.#view = view;
    this.#offset = offset;
  }

  get probe(): number {
    return this.#known.probe;
  }
  get number(): number {
    return safeInteger(this.#view, this.#offset + recordOffsets.number);
  }
  get time(): string {
    return decimal(this.#view, this.#offset + recordOffsets.time);
  }
  get cpu(): number {
    return this.#view.getUint32(this.#offset + recordOffsets.cpu, true);
  }
  get pid(): number {
    return this.#view.getUint32(this.#offset + recordOffsets.pidTid + 4, true);
  }
  get tid(): number {
    return this.#view.getUint32(this.#offset + recordOffsets.pidTid, true);
  }
  get goid(): string {
    return decimal(this.#view, this.#offset + recordOffsets.goroutine);
  }
  get faulted(): boolean {
    return this.#has(recordFlags.faulted);
  }
  get trapped(): boolean {
    return this.#has(recordFlags.trapped);
  }
  get because(): number | undefined {
    return this.#view.getUint32(this.#offset + recordOffsets.flags, true) >>> becauseShift || undefined;
  }
  get site(): number {
    return safeInteger(this.#view, this.#offset + recordOffsets.site);
  }

  get values(): readonly CapturedValue[] {
    if (this.#values !== undefined) return this.#values;
    const { captures, layout } = this.#known;
    const faults = this.#view.getUint32(this.#offset + recordOffsets.captureFaults, true);
    this.#values = captures.map((capture, index) => {
      const at = layout.captures[index];
      const place = at === undefined ? undefined : this.#offset + at;
      return capturedValue(capture, this.#view, place, (faults & (1 << index)) !== 0);
    });
    return this.#values;
  }

  get stack(): readonly string[] | undefined {
    return this.#readStack()?.stack;
  }
  get stackTop(): string | undefined {
    return this.#readStack()?.stackTop;
  }
  get stackMissing(): string | undefined {
    return this.#readStack()?.stackMissing;
  }

  #has(flag: number): boolean {
    return (this.#view.getUint32(this.#offset + recordOffsets.flags, true) & flag) !== 0;
  }

  #readStack(): LinkedStack | undefined {
    const { stackSites, code, layout } = this.#known;
    if (layout.stack === undefined) return undefined;
    if (this.#stack !== undefined) return this.#stack;
    const recorded = readStack(this.#view, this.#offset + layout.stack);
    if (stackSites !== undefined) this.#stack = linkedStack(stackSites[this.site], recorded);
    else if (code !== undefined && layout.codeEnd !== undefined)
      this.#stack = roamingStack(code, this.#view.getBigUint64(this.#offset + layout.codeEnd, true), recorded);
    return this.#stack;
  }
}

/** Code addresses as linked, and the word at the stack pointer as if it were one. */
const linkedStack = (site: StackSite | undefined, { addresses, top, errno }: RecordedStack): LinkedStack => {
  const [here] = addresses;
  if (site === undefined || here === undefined) return { stack: [], stackMissing: withoutStack(errno) };
  // The innermost address is the probed instruction's own: its distance from the planned one is the load bias.
  const linked = linkedBy(here - BigInt(site.address));
  return { stack: withCaller(site, addresses, top).map(linked), stackTop: linked(top) };
};

/** The shapes that an agent has told of, and events made with them. */
export class RecordedEvents {
  readonly #known = new Map<number, Known>();

  add(shape: RecordShape): void {
    const { probe, captures } = shape;
    // JSON has no undefined.
    const [stackSites, code] = [shape.stackSites ?? undefined, shape.code ?? undefined];
    const layout = recordLayout(captures, stackSites !== undefined || code !== undefined, code !== undefined);
    this.#known.set(probe, { probe, captures, stackSites, code, layout });
  }

  /** After the last record of the probe. */
  remove(probe: number): void {
    this.#known.delete(probe);
  }

  /** The events share these bytes. A record of a probe that is not known is none. */
  read(bytes: Uint8Array): readonly ProbeEvent[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const events: ProbeEvent[] = [];
    forEachRecord(view, (offset, length) => {
      const known = this.#known.get(view.getUint32(offset + recordOffsets.probe, true));
      if (known !== undefined && known.layout.size <= length) events.push(new RecordedEvent(known, view, offset));
    });
    return events;
  }
}
