import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameDecoder, messageLimit } from '../../src/control/framing.js';

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
          const decoder = new FrameDecoder();
          const chunks = cut(Buffer.concat(bodies.map(frame)), fractions);
          const decoded = chunks.flatMap((chunk) => decoder.push(chunk)).map((body) => body.toString('utf8'));
          expect(decoded).toEqual(bodies.map((body) => Buffer.from(body).toString('utf8')));
        },
      ),
    );
  });

  test('other headers and any letter case are accepted', () => {
    const decoder = new FrameDecoder();
    const bytes = Buffer.from('Content-Type: application/json\r\ncontent-length:2\r\n\r\n{}');
    expect(decoder.push(bytes).map(String)).toEqual(['{}']);
  });

  test.each([
    ['a length beyond the limit', `Content-Length: ${messageLimit + 1}\r\n\r\n`],
    ['a length that is no number', 'Content-Length: -1\r\n\r\n'],
    ['no length at all', 'Hello: world\r\n\r\n'],
    ['a header without an end', 'x'.repeat(5000)],
  ])('%s is refused at once', (_, text) => {
    expect(() => new FrameDecoder().push(Buffer.from(text))).toThrow();
  });
});
