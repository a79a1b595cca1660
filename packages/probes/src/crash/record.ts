/** One record of a `crash:` probe, read with the program's tables. */
import { type GoBinary, virtualAddress } from '@probelens/gosym';
import type { ProbeEvent } from '../events.js';
import type { ProbePlan } from '../plan/plan.js';
import { contextRegister, mostPanics } from './captures.js';
import { type RuntimeOffsets, runtimeOffsets } from './offsets.js';
import type { CrashFrame, CrashPanic, CreatedBy, Fault } from './report.js';
import { signalName } from './signal-names.js';
import { callers, framesOf, isHidden, type Memory, memoryOf, type Registers } from './stack.js';
import { hexWord, type InterfaceValue, messageText, type Printing, panicText } from './value.js';
import type { CrashWhat } from './what.js';

/** What the probe's one record tells. */
export interface CrashRecord {
  readonly what: CrashWhat;
  /** Decimal; "0": no goroutine ran. */
  readonly goroutine: string;
  /** In the order in which they began. */
  readonly panics: readonly CrashPanic[];
  /** Of a throw. */
  readonly message: string | undefined;
  /** Of os.Exit. */
  readonly code: number | undefined;
  readonly signal: { readonly number: number; readonly code: number; readonly info: Buffer | undefined } | undefined;
  readonly fault: Fault | undefined;
  /** Of a signal that came while C code ran. */
  readonly inC: boolean;
  readonly stack: readonly CrashFrame[];
  readonly createdBy: CreatedBy | undefined;
  readonly notes: readonly string[];
}

interface Goroutine {
  readonly id: bigint;
  readonly parent: bigint;
  readonly gopc: bigint;
  readonly fault: Fault | undefined;
  /** Saved when it stopped running on its own stack. */
  readonly registers: Registers;
}

class Reader {
  readonly #values: ReadonlyMap<string, string>;

  constructor(event: ProbeEvent) {
    this.#values = new Map(event.values.flatMap(({ name, text, faulted }) => (faulted ? [] : [[name, text] as const])));
  }

  bytes(name: string): Buffer | undefined {
    const text = this.#values.get(name);
    return text === undefined ? undefined : Buffer.from(text, 'hex');
  }

  word(name: string): bigint | undefined {
    const text = this.#values.get(name);
    return text === undefined ? undefined : BigInt(text);
  }

  chunks(name: string): readonly (Buffer | undefined)[] {
    return [0, 1, 2, 3].map((index) => this.bytes(`${name}${index}`));
  }
}

const goroutineOf = (bytes: Buffer | undefined, offsets: RuntimeOffsets): Goroutine | undefined => {
  if (bytes === undefined) return undefined;
  const word = (offset: number): bigint => (offset + 8 <= bytes.length ? bytes.readBigUInt64LE(offset) : 0n);
  const registers = { pc: word(offsets.pc), sp: word(offsets.sp), bp: word(offsets.bp), at: 'inside' } as const;
  const signal = Number(word(offsets.sig) & 0xffffffffn);
  const fault = signal === 0 ? undefined : { name: signalName(signal), address: hexWord(word(offsets.sigcode1)) };
  return { id: word(offsets.goid), parent: word(offsets.parentGoid), gopc: word(offsets.gopc), fault, registers };
};

/** Where and whose the stack is. */
interface Place {
  readonly goroutine: Goroutine | undefined;
  readonly memory: Memory;
  readonly registers: Registers | undefined;
}

const calledByC = 'C code called this: what called C is not shown.';
const olderPanics = `Only the last ${mostPanics} panics were read; others were under way before them.`;

class RecordReader {
  readonly #read: Reader;
  readonly #what: CrashWhat;
  readonly #binary: GoBinary;
  readonly #offsets: RuntimeOffsets;
  readonly #bias: bigint;
  readonly #event: ProbeEvent;

  constructor(event: ProbeEvent, what: CrashWhat, plan: ProbePlan, binary: GoBinary, offsets: RuntimeOffsets) {
    this.#event = event;
    this.#read = new Reader(event);
    this.#what = what;
    this.#binary = binary;
    this.#offsets = offsets;
    const planned = BigInt(plan.sites[event.site ?? 0]?.address ?? '0');
    this.#bias = (this.#read.word('pc') ?? planned) - planned;
  }

  get #printing(): Printing {
    const minor = Number(/^go1\.(\d+)/.exec(this.#binary.goVersion ?? '')?.[1] ?? 0);
    return { typeName: (descriptor) => this.#typeName(descriptor), shortFloats: minor >= 26 };
  }

  #typeName(descriptor: bigint): string | undefined {
    const linked = descriptor - this.#bias;
    return linked > 0n && linked < 2n ** 53n ? this.#binary.typeNameAt(virtualAddress(Number(linked))) : undefined;
  }

  #panic(index: number): CrashPanic | undefined {
    const [type, data] = [this.#read.word(`type${index}`), this.#read.word(`data${index}`)];
    if (type === undefined || data === undefined) return undefined;
    const found: InterfaceValue = {
      type,
      data,
      descriptor: this.#read.bytes(`descriptor${index}`),
      value: this.#read.bytes(`value${index}`),
      message: this.#read.bytes(`message${index}`),
    };
    const record = this.#read.bytes(`panic${index}`);
    const flag = (offset: number | undefined): boolean => offset !== undefined && (record?.[offset] ?? 0) !== 0;
    if (flag(this.#offsets.goexit)) return { text: 'runtime.Goexit', type: undefined, recovered: false, goexit: true };
    const text = panicText(found, this.#printing);
    const repanicked = flag(this.#offsets.repanicked) ? { repanicked: true as const } : {};
    return { ...text, recovered: flag(this.#offsets.recovered), ...repanicked, goexit: false };
  }

  panics(): readonly CrashPanic[] {
    const found: CrashPanic[] = [];
    for (let index = 0; index < mostPanics; index++) {
      const panic = this.#panic(index);
      if (panic === undefined) break;
      found.unshift(panic);
    }
    return found;
  }

  /** Panics that were under way already when the oldest of `panics` began. */
  get #hasOlderPanics(): boolean {
    const oldest = this.#read.bytes(`panic${mostPanics - 1}`);
    return oldest !== undefined && oldest.readBigUInt64LE(this.#offsets.link) !== 0n;
  }

  #here(): Place {
    const [pc, sp, bp] = [this.#read.word('pc'), this.#read.word('sp'), this.#read.word('bp')];
    const goroutine = goroutineOf(this.#read.bytes('g'), this.#offsets);
    if (pc === undefined || sp === undefined || bp === undefined)
      return { goroutine, memory: () => undefined, registers: undefined };
    return { goroutine, memory: memoryOf(sp, this.#read.chunks('stack')), registers: { pc, sp, bp, at: 'entry' } };
  }

  #saved(): Place {
    const goroutine = goroutineOf(this.#read.bytes('curg'), this.#offsets);
    const { registers } = goroutine ?? {};
    return { goroutine, memory: memoryOf(registers?.sp ?? 0n, this.#read.chunks('saved')), registers };
  }

  /** In Go code at the signal: what the kernel saved; else the goroutine that waits for C code or for the runtime. */
  #interrupted(): Place {
    const goroutine = goroutineOf(this.#read.bytes('g'), this.#offsets);
    const saved = this.#read.bytes('registers');
    if (goroutine === undefined || goroutine.id === 0n || saved === undefined) return this.#saved();
    const [pc, sp, bp] = (['pc', 'sp', 'bp'] as const).map((name) => saved.readBigUInt64LE(contextRegister[name] * 8));
    if (pc === undefined || sp === undefined || bp === undefined) return this.#saved();
    return { goroutine, memory: memoryOf(sp, this.#read.chunks('stack')), registers: { pc, sp, bp, at: 'inside' } };
  }

  #place(): Place {
    if (this.#what === 'recovered') return this.#saved();
    if (this.#what === 'thread-exit') return { ...this.#saved(), registers: undefined };
    if (this.#what === 'signal') return this.#interrupted();
    const here = this.#here();
    // The runtime works on a stack of its own, g0's, for the goroutine that is current.
    return this.#what === 'throw' && here.goroutine?.id === 0n ? this.#saved() : here;
  }

  /** The signal came while code ran that is not Go's. */
  #isForeign(): boolean {
    const saved = this.#read.bytes('registers');
    if (saved === undefined) return false;
    const linked = saved.readBigUInt64LE(contextRegister.pc * 8) - this.#bias;
    const inside = linked > 0n && linked < 2n ** 53n;
    return !inside || this.#binary.functionAt(virtualAddress(Number(linked))) === undefined;
  }

  #createdBy({ parent, gopc, id }: Goroutine): CreatedBy | undefined {
    const linked = gopc - this.#bias;
    // The first goroutine was made by the runtime.
    if (id === 1n || gopc === 0n || linked <= 0n || linked >= 2n ** 53n) return undefined;
    const positions = this.#binary.positionsAt(virtualAddress(Number(linked) - 1));
    const [inner, outer] = [positions[0], positions.at(-1)];
    // What the runtime makes for itself tracebacks have no maker of.
    if (inner === undefined || outer === undefined || isHidden(outer.function)) return undefined;
    return { function: outer.function, file: inner.file, line: inner.line, goroutine: String(parent) };
  }

  #signal(): CrashRecord['signal'] {
    const number = this.#read.word('signal');
    if (this.#what !== 'signal' || number === undefined) return undefined;
    const info = this.#read.bytes('info');
    return { number: Number(number & 0xffffffffn), code: info === undefined ? 0 : info.readInt32LE(8), info };
  }

  record(): CrashRecord {
    const place = this.#place();
    const { goroutine, registers, memory } = place;
    const notes: string[] = [];
    const walked = registers === undefined ? undefined : callers(this.#binary, memory, this.#bias, registers);
    if (walked?.whole === false)
      notes.push(walked.fromC ? calledByC : 'The stack goes on: its outermost callers were not read.');
    if (this.#hasOlderPanics) notes.push(olderPanics);
    const message = this.#read.bytes('message0');
    const code = this.#read.word('code');
    const own = this.#what === 'signal' ? goroutineOf(this.#read.bytes('g'), this.#offsets) : undefined;
    return {
      what: this.#what,
      goroutine: String(goroutine?.id ?? BigInt(this.#event.goid)),
      panics: this.panics(),
      message: this.#what === 'throw' && message !== undefined ? messageText(message, 0n) : undefined,
      code: code === undefined ? undefined : Number(BigInt.asIntN(32, code)),
      signal: this.#signal(),
      fault: this.#what === 'signal' ? undefined : goroutine?.fault,
      inC: own?.id === 0n && goroutine !== undefined && this.#isForeign(),
      stack: framesOf(this.#binary, walked?.levels ?? [], this.#bias),
      createdBy: goroutine === undefined ? undefined : this.#createdBy(goroutine),
      notes,
    };
  }
}

/** Undefined for a record of another plan. */
export const readCrash = (event: ProbeEvent, plan: ProbePlan, binary: GoBinary): CrashRecord | undefined => {
  const { target } = plan.spec;
  // Every event of a trace comes by: only those of crashes may cost a look at the binary.
  if (target.kind !== 'crash') return undefined;
  const offsets = runtimeOffsets(binary);
  if (offsets === undefined) return undefined;
  return new RecordReader(event, target.what, plan, binary, offsets).record();
};
