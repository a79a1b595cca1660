/**
 * Content-Length framing as LSP, DAP and JSON-RPC have it, read with limits: whoever is at the other end may announce
 * whatever length, or be something else altogether (a shell that greets, a web browser). Nothing is skipped and nothing
 * waited for in vain; what is wrong is said at the first byte that shows it.
 */

/** What has come is no message. The text is a part of a sentence: 'it begins with "GET / HTTP/1.1"'. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Bytes of one header block; nobody sends more than two short headers. */
const headerLimit = 1024;
/** Characters of somebody else's text that fit into a sentence. */
const shownLength = 60;

const separator = Buffer.from('\r\n\r\n');
/** The only two that there are (LSP 3.17, "Header Part"; DAP 1.68, "Base protocol"). */
const headerNames = ['content-length', 'content-type'];

const shown = (text: string): string => JSON.stringify(text.slice(0, shownLength));

/** `line` may be the beginning of one. */
const checkLine = (line: string, isWhole: boolean): void => {
  if (line.includes('\n')) throw new FrameError(`a line of its header does not end in CR LF: ${shown(line)}`);
  const colon = line.indexOf(':');
  const name = (colon < 0 ? line : line.slice(0, colon)).toLowerCase();
  const fits = colon < 0 ? !isWhole && headerNames.some((each) => each.startsWith(name)) : headerNames.includes(name);
  // The CR may have come without its LF.
  if (!fits && name !== '\r') throw new FrameError(`it begins with ${shown(line)} and not with "Content-Length: "`);
};

const readLength = (lines: readonly string[], limit: number): number => {
  for (const line of lines) {
    const text = /^content-length:(.*)$/i.exec(line)?.[1]?.trim();
    if (text === undefined) continue;
    if (!/^\d{1,15}$/.test(text)) throw new FrameError(`its "Content-Length" is ${shown(text)}, which is no length`);
    if (Number(text) > limit) throw new FrameError(`it announces ${text} bytes, and ${limit} is the limit`);
    return Number(text);
  }
  throw new FrameError('its header has no "Content-Length"');
};

/** Bytes in, bodies of messages out. */
export class FrameDecoder {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes needed before it is worth looking again. */
  #wanted = 0;
  #length: number | undefined;

  /** @param limit bytes of a body. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The bodies that `chunk` completes, views of what was pushed where they can be; then throws a `FrameError`, if need be. */
  *push(chunk: Buffer): Generator<Buffer, void, void> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#wanted) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    try {
      for (;;) {
        if (this.#length === undefined) {
          const header = this.#readHeader(rest);
          if (header === undefined) return;
          this.#length = header.length;
          rest = rest.subarray(header.size);
        }
        if (rest.length < this.#length) return;
        const body = rest.subarray(0, this.#length);
        rest = rest.subarray(this.#length);
        this.#length = undefined;
        yield body;
      }
    } finally {
      this.#wanted = this.#length ?? 0;
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#size = rest.length;
    }
  }

  #readHeader(bytes: Buffer): { readonly size: number; readonly length: number } | undefined {
    const end = bytes.subarray(0, headerLimit).indexOf(separator);
    const lines = bytes.toString('latin1', 0, end < 0 ? Math.min(bytes.length, headerLimit) : end).split('\r\n');
    for (const [index, line] of lines.entries()) checkLine(line, end >= 0 || index < lines.length - 1);
    if (end >= 0) return { size: end + separator.length, length: readLength(lines, this.#limit) };
    if (bytes.length >= headerLimit) throw new FrameError(`its header has no end within ${headerLimit} bytes`);
    return undefined;
  }
}

/** Throws `FrameError` for a body that is no JSON; bytes that are no UTF-8 count as U+FFFD. */
export const readJson = (body: Buffer): unknown => {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new FrameError(`its body is no JSON: ${shown(text)}`);
    throw error;
  }
};
