/** Writes text and numbers into one buffer, and the buffer into a sink when it is full. Allocates nothing per item. */

const BUFFER_BYTES = 256 * 1024;
/** Room that hex() and decimal() may need. */
const LONGEST_NUMBER = 24;
/** An escape "\u0000" is the longest that one byte of a name can become. */
const LONGEST_ESCAPE = 6;

export class LineWriter {
  private readonly buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  private used = 0;
  private readonly sink: (bytes: Uint8Array) => void;
  /** Digits are made from the last to the first. */
  private readonly digits = new Uint8Array(LONGEST_NUMBER);

  constructor(sink: (bytes: Uint8Array) => void) {
    this.sink = sink;
  }

  flush(): void {
    if (this.used > 0) this.sink(this.buffer.subarray(0, this.used));
    this.used = 0;
  }

  text(text: string): void {
    const { length } = text;
    if (length > 64) {
      this.bytes(Buffer.from(text));
      return;
    }
    this.room(length * 3);
    const { buffer } = this;
    let { used } = this;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) {
        this.used = used + buffer.write(text.slice(index), used);
        return;
      }
      buffer[used++] = code;
    }
    this.used = used;
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES) {
      this.flush();
      this.sink(bytes);
      return;
    }
    this.room(bytes.length);
    this.buffer.set(bytes, this.used);
    this.used += bytes.length;
  }

  /** The NUL-terminated UTF-8 at `from`, escaped for the inside of a JSON string. */
  jsonTextFrom(data: Uint8Array, from: number): void {
    const { buffer } = this;
    let { used } = this;
    for (let at = from; ; at++) {
      if (used + LONGEST_ESCAPE > BUFFER_BYTES) {
        this.used = used;
        this.flush();
        used = 0;
      }
      const byte = data[at] ?? 0;
      if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) buffer[used++] = byte;
      else if (byte === 0) break;
      else used += buffer.write(JSON.stringify(String.fromCharCode(byte)).slice(1, -1), used, 'latin1');
    }
    this.used = used;
  }

  /** "0x" and digits. */
  hex(value: number): void {
    this.room(LONGEST_NUMBER);
    const { buffer, digits } = this;
    let count = 0;
    // Whole numbers of 32 bits keep the divisions out of the common case.
    const high = value >= 0x1_0000_0000 ? Math.floor(value / 0x1_0000_0000) : 0;
    for (let low = value >>> 0; low > 0 || (high > 0 && count < 8); low >>>= 4) digits[count++] = hexDigit(low & 15);
    for (let rest = high; rest > 0; rest >>>= 4) digits[count++] = hexDigit(rest & 15);
    if (count === 0) digits[count++] = 0x30;
    let { used } = this;
    buffer[used++] = 0x30;
    buffer[used++] = 0x78;
    while (count > 0) buffer[used++] = digits[--count] ?? 0;
    this.used = used;
  }

  decimal(value: number): void {
    this.room(LONGEST_NUMBER);
    const { buffer, digits } = this;
    let count = 0;
    for (let rest = value; rest > 0; rest = Math.floor(rest / 10)) digits[count++] = 0x30 + (rest % 10);
    if (count === 0) digits[count++] = 0x30;
    let { used } = this;
    while (count > 0) buffer[used++] = digits[--count] ?? 0;
    this.used = used;
  }

  private room(count: number): void {
    if (this.used + count > BUFFER_BYTES) this.flush();
  }
}

const hexDigit = (value: number): number => (value < 10 ? 0x30 + value : 0x57 + value);
