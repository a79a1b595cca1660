/** What a captured value reads like, against Go's own fmt. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { capturedValue } from '../src/agent/captured-text.js';
import { goQuote } from '../src/agent/scalar-text.js';
import type { CaptureShape } from '../src/plan/plan.js';

const text = (shape: CaptureShape, bytes: Uint8Array): string => {
  const value = { kind: 'constant', value: '0' } as const;
  const capture = { name: 'x', typeName: 'T', shape, value, length: undefined };
  return capturedValue(capture, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, false).text;
};

const word = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, value)).buffer);

const float64 = (value: number): Uint8Array => new Uint8Array(Float64Array.of(value).buffer);
const float32 = (value: number): Uint8Array => new Uint8Array(Float32Array.of(value, 0).buffer);

const stringBytes = (bytes: Uint8Array, trueLength = bytes.length): Uint8Array => {
  const record = new Uint8Array(8 + bytes.length);
  new DataView(record.buffer).setUint32(0, trueLength, true);
  new DataView(record.buffer).setUint32(4, bytes.length, true);
  record.set(bytes, 8);
  return record;
};

const floats = [
  0,
  -0,
  1,
  -1,
  0.1,
  1.5,
  100,
  123456789,
  1e20,
  1e21,
  1.25e22,
  1e-4,
  1e-5,
  1.5e-7,
  5e-324,
  1.7976931348623157e308,
  3.3,
  2 / 3,
  16777216,
  16777217,
  3.4028234663852886e38,
  1e-45,
  0.3,
  123.456,
  // Halfway between two shortest decimals of a float32.
  1372.15625,
  -1644.40625,
  1644.46875,
  8388608.5,
  0.000030517578125,
];

const strings: readonly Uint8Array[] = [
  '',
  'ACME',
  'two words',
  'quote " and \\ backslash',
  'tab\tnewline\nreturn\r',
  '\x00\x01\x7f\x80',
  'héllo wörld',
  '日本語',
  '\u00a0non-breaking',
  '\u200bzero width',
  '😀',
  '\ufeffmark',
  '\x07\b\f\v',
  '\u{e0001}',
].map((each) => Buffer.from(each, 'utf8'));

const raw: readonly Uint8Array[] = [
  Uint8Array.of(0xff, 0x41),
  Uint8Array.of(0xe6, 0x97),
  Uint8Array.of(0xc0, 0x80),
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0xf4, 0x90, 0x80, 0x80),
  Uint8Array.of(0x80, 0xbf),
];

const program = `package main

import (
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"bufio"
	"strings"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		kind, rest, _ := strings.Cut(in.Text(), " ")
		bytes, err := hex.DecodeString(rest)
		if err != nil {
			panic(err)
		}
		var word uint64
		for i := 0; i < 8 && i < len(bytes) && kind != "string"; i++ {
			word |= uint64(bytes[i]) << (8 * i)
		}
		switch kind {
		case "float64":
			fmt.Printf("%v\\n", math.Float64frombits(word))
		case "float32":
			fmt.Printf("%v\\n", math.Float32frombits(uint32(word)))
		case "string":
			fmt.Printf("%q\\n", string(bytes))
		case "int":
			fmt.Printf("%v\\n", int64(word))
		case "uint":
			fmt.Printf("%v\\n", word)
		}
	}
}
`;

describe('captured text', () => {
  it.skipIf(requirement('go').missing)('is what Go prints', async () => {
    const integers = [
      0n,
      1n,
      -1n,
      255n,
      -256n,
      2n ** 31n,
      -(2n ** 31n),
      -(2n ** 32n),
      2n ** 32n,
      2n ** 53n,
      -(2n ** 63n),
    ];
    const cases: [kind: string, bytes: Uint8Array, ours: string][] = [
      ...[...floats, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].flatMap(
        (value): [string, Uint8Array, string][] => [
          ['float64', float64(value), text({ kind: 'float', width: 8 }, float64(value))],
          ['float32', float32(value), text({ kind: 'float', width: 4 }, float32(value))],
        ],
      ),
      ...integers.flatMap((value): [string, Uint8Array, string][] => [
        ['int', word(value), text({ kind: 'integer', signed: true, width: 8 }, word(value))],
        ['uint', word(value), text({ kind: 'integer', signed: false, width: 8 }, word(value))],
      ]),
      ...[...strings, ...raw].map((bytes): [string, Uint8Array, string] => [
        'string',
        bytes,
        text({ kind: 'string', limit: 1024 }, stringBytes(bytes)),
      ]),
    ];
    const directory = mkdtempSync(join(tmpdir(), 'probelens-text-'));
    try {
      writeFileSync(join(directory, 'main.go'), program);
      const input = cases.map(([kind, bytes]) => `${kind} ${Buffer.from(bytes).toString('hex')}`).join('\n');
      const { stdout } = await execa('go', ['run', 'main.go'], { cwd: directory, input, env: { GOWORK: 'off' } });
      expect(cases.map(([, , ours]) => ours)).toEqual(stdout.split('\n'));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('says how much of a string is missing', () => {
    const cut = stringBytes(Buffer.from('abc'), 15);
    expect(text({ kind: 'string', limit: 3 }, cut)).toBe('"abc"...+12 more');
    expect(goQuote(Buffer.from('a"b'))).toBe('"a\\"b"');
  });

  it('reads booleans and pointers', () => {
    expect(text({ kind: 'bool' }, word(0n))).toBe('false');
    expect(text({ kind: 'bool' }, word(1n))).toBe('true');
    expect(text({ kind: 'pointer' }, word(0n))).toBe('nil');
    expect(text({ kind: 'pointer' }, word(0xc000012345n))).toBe('0xc000012345');
  });

  it('shows a question mark for what could not be read', () => {
    const capture = {
      name: 'x',
      typeName: 'int',
      shape: { kind: 'bool' },
      value: undefined,
      length: undefined,
    } as const;
    const view = new DataView(new ArrayBuffer(8));
    expect(capturedValue(capture, view, undefined, false)).toEqual({
      name: 'x',
      type: 'int',
      text: '?',
      faulted: true,
    });
    expect(capturedValue(capture, view, 0, true)).toMatchObject({ text: '?', faulted: true });
  });
});
