import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { messageLimit } from '../../src/control/framing.js';
import { FrameDecoder } from '../../src/framing.js';

const frame = (body: string): Buffer => {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`Content-Length: ${bytes.length}\r\n\r\n`), bytes]);
};

/** Cuts `bytes` at the given fractions of its length. */
function cut(bytes: Buffer, fractions: readonly number[]): Buffer[] {
  const places = fractions.map((fraction) => Math.floor(fraction * bytes.length)).sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

describe('frames', () => {
  test('come out whole, however the bytes arrive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (bodies, fractions) => {
          const decoder = new FrameDecoder(messageLimit);
          const chunks = cut(Buffer.concat(bodies.map(frame)), fractions);
          const decoded = chunks.flatMap((chunk) => [...decoder.push(chunk)]).map((body) => body.toString('utf8'));
          expect(decoded).toEqual(bodies.map((body) => Buffer.from(body).toString('utf8')));
        },
      ),
    );
  });

  test('other headers and any letter case are accepted', () => {
    const decoder = new FrameDecoder(messageLimit);
    const bytes = Buffer.from('Content-Type: application/json\r\ncontent-length:2\r\n\r\n{}');
    expect([...decoder.push(bytes)].map(String)).toEqual(['{}']);
  });

  test.each([
    ['a length beyond the limit', `Content-Length: ${messageLimit + 1}\r\n\r\n`, /4194305 bytes, and 4194304 is/],
    ['a length beyond all numbers', `Content-Length: ${'9'.repeat(40)}\r\n\r\n`, /is no length$/],
    ['a length that is no number', 'Content-Length: abc\r\n\r\n', /is "abc", which is no length$/],
    ['a negative length', 'Content-Length: -1\r\n\r\n', /is "-1", which is no length$/],
    ['no length', 'Content-Type: x\r\n\r\n', /has no "Content-Length"$/],
    ['an empty header', '\r\n\r\n', /begins with "" and not/],
    ['another protocol', 'GET / HTT', /begins with "GET \/ HTT" and not/],
    ['a greeting before the header', 'Welcome!\nContent-Length: 2\r\n\r\n{}', /"Welcome!\\nContent-Length: 2"/],
    ['lines that end in LF alone', 'Content-Length: 2\n\n{}', /does not end in CR LF/],
    ['a header without an end', `Content-Type: ${'x'.repeat(5000)}`, /no end within 1024 bytes$/],
  ])('%s is refused at once', (_, text, says) => {
    expect(() => [...new FrameDecoder(messageLimit).push(Buffer.from(text))]).toThrow(says);
  });
});
