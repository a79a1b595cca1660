/** Writes text and numbers into one buffer, and the buffer into a sink when it is full. Allocates nothing per item. */

const BUFFER_BYTES = 256 * 1024;
/** Room that hex() and decimal() may need. */
const LONGEST_NUMBER = 24;
/** An escape "\u0000" is the longest that one byte of a name can become. */
const LONGEST_ESCAPE = 6;
const HEX_DIGITS = Buffer.from('0123456789abcdef', 'latin1');

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
    if (text.length > 64) {
      this.bytes(Buffer.from(text));
      return;
    }
    this.room(text.length * 3);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) {
        this.used += this.buffer.write(text.slice(index), this.used);
        return;
      }
      this.buffer[this.used] = code;
      this.used += 1;
    }
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
    for (let at = from; ; at++) {
      if (this.used + LONGEST_ESCAPE > BUFFER_BYTES) this.flush();
      const byte = data[at] ?? 0;
      if (byte === 0) return;
      if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) {
        buffer[this.used] = byte;
        this.used += 1;
      } else this.text(JSON.stringify(String.fromCharCode(byte)).slice(1, -1));
    }
  }

  /** "0x" and digits. */
  hex(value: number): void {
    this.room(LONGEST_NUMBER);
    const { buffer, digits } = this;
    let count = 0;
    let low = value % 0x1_0000_0000;
    const high = (value - low) / 0x1_0000_0000;
    for (; low > 0 || (high > 0 && count < 8); low = Math.floor(low / 16)) digits[count++] = HEX_DIGITS[low % 16] ?? 0;
    for (let rest = high; rest > 0; rest = Math.floor(rest / 16)) digits[count++] = HEX_DIGITS[rest % 16] ?? 0;
    if (count === 0) digits[count++] = 0x30;
    buffer[this.used++] = 0x30;
    buffer[this.used++] = 0x78;
    while (count > 0) buffer[this.used++] = digits[--count] ?? 0;
  }

  decimal(value: number): void {
    this.room(LONGEST_NUMBER);
    const { buffer, digits } = this;
    let count = 0;
    for (let rest = value; rest > 0; rest = Math.floor(rest / 10)) digits[count++] = 0x30 + (rest % 10);
    if (count === 0) digits[count++] = 0x30;
    while (count > 0) buffer[this.used++] = digits[--count] ?? 0;
  }

  private room(count: number): void {
    if (this.used + count > BUFFER_BYTES) this.flush();
  }
}
