/** From the records of one probe to whole system calls: what came in chunks is put together again. */
import {
  type RecordedStack,
  type RecordHeader,
  type RecordLayout,
  readRecordHeader,
  readStack,
} from '../../program/record.js';
import {
  attributeBytes,
  call,
  callFlags,
  chunk,
  commBytes,
  guessedOffsets,
  kindOffset,
  licenseBytes,
  nameBytes,
  recordKinds,
} from './layout.js';

/** One system call as the kernel's side saw it. */
export interface SeenCall {
  readonly header: RecordHeader;
  readonly result: number;
  readonly command: number;
  /** Where the attributes are in the program's memory, and their size as it says. */
  readonly pointer: bigint;
  readonly size: number;
  /** Undefined: they could not be read. */
  readonly attributes: DataView | undefined;
  /** Kernel ids, 0 where not known. */
  readonly object: number;
  readonly program: number;
  readonly tag: string;
  readonly license: string;
  readonly name: string;
  /** Name of the thread that made the call. */
  readonly comm: string;
  /** Goroutine's id, if the program's Go has it at the place of the same index in `guessedOffsets`. */
  readonly guesses: readonly bigint[];
  /** Instructions from the first on. */
  readonly code: Uint8Array;
  readonly codeLost: boolean;
  readonly log: string;
  /** The log's bytes before `log`. */
  readonly logSkipped: number;
  /** What the whole log takes with its NUL, 0 where the kernel does not say. */
  readonly logSize: number;
  readonly logLost: boolean;
  /** Where they were asked for: as they lay in the process, and where its program's code ends there. */
  readonly callers: { readonly recorded: RecordedStack; readonly codeEnd: bigint } | undefined;
}

interface Parts {
  readonly code: Uint8Array[];
  readonly log: Uint8Array[];
  logStart: number | undefined;
}

const emptyParts = (): Parts => ({ code: [], log: [], logStart: undefined });

/** Text to its NUL; names and logs are bytes of whoever wrote them. */
const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
};

export class CallRecords {
  /** By the number of the call, as long as its last record has not come. */
  readonly #parts = new Map<number, Parts>();

  constructor(readonly layout: RecordLayout) {}

  /** The call, when this record is its last one. */
  take(view: DataView, offset: number): SeenCall | undefined {
    const header = readRecordHeader(view, offset);
    const kind = Number(view.getBigUint64(offset + kindOffset, true));
    if (kind === recordKinds.call) return this.#whole(header, view, offset);
    const parts = this.#parts.get(header.number) ?? emptyParts();
    this.#parts.set(header.number, parts);
    const length = Number(view.getBigUint64(offset + chunk.length, true));
    const bytes = copyOf(view, offset + chunk.data, length);
    if (kind === recordKinds.instructions) parts.code.push(bytes);
    else {
      parts.logStart ??= Number(view.getBigUint64(offset + chunk.position, true));
      parts.log.push(bytes);
    }
    return undefined;
  }

  #callers(view: DataView, offset: number): SeenCall['callers'] {
    const { stack, codeEnd } = this.layout;
    if (stack === undefined || codeEnd === undefined) return undefined;
    return { recorded: readStack(view, offset + stack), codeEnd: view.getBigUint64(offset + codeEnd, true) };
  }

  #whole(header: RecordHeader, view: DataView, offset: number): SeenCall {
    const parts = this.#parts.get(header.number) ?? emptyParts();
    // A call whose last record found no room leaves its chunks here; a later number says that it is over.
    for (const number of this.#parts.keys()) if (number <= header.number - abandoned) this.#parts.delete(number);
    this.#parts.delete(header.number);
    const word = (at: number): bigint => view.getBigUint64(offset + at, true);
    const flags = Number(word(call.flags));
    const attributes = copyOf(view, offset + call.attributes, attributeBytes);
    const has = (flag: number): boolean => (flags & flag) !== 0;
    return {
      header,
      result: Number(view.getBigInt64(offset + call.result, true)),
      command: Number(word(call.command)),
      pointer: word(call.pointer),
      size: Number(word(call.size)),
      attributes: has(callFlags.unread) ? undefined : new DataView(attributes.buffer),
      object: Number(word(call.object)),
      program: Number(word(call.program)),
      tag: Buffer.from(copyOf(view, offset + call.tag, 8)).toString('hex'),
      license: text(copyOf(view, offset + call.license, licenseBytes)),
      name: text(copyOf(view, offset + call.name, nameBytes)),
      comm: text(copyOf(view, offset + call.comm, commBytes)),
      guesses: guessedOffsets.map((_, index) => word(call.guesses + index * 8)),
      code: Buffer.concat(parts.code),
      codeLost: has(callFlags.instructionsLost),
      log: Buffer.concat(parts.log).toString('utf8'),
      logSkipped: parts.logStart ?? 0,
      logSize: Number(word(call.logSize)),
      logLost: has(callFlags.logLost),
      callers: this.#callers(view, offset),
    };
  }
}

/** More calls than can be under way at once between two records of one of them. */
const abandoned = 4096;

/** The ring's memory is used again as soon as the reader has gone on. */
const copyOf = (view: DataView, at: number, length: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length);
  bytes.set(new Uint8Array(view.buffer, view.byteOffset + at, length));
  return bytes;
};
