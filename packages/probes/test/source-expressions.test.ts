/** What an expression on an event of the kernel may say, without a kernel. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Parser } from 'web-tree-sitter';
import { goParser } from '../src/go-grammar.js';
import { type EventField, lowerForSource } from '../src/plan/source-expressions.js';
import { parseProbeText } from '../src/spec/text.js';

const fields: readonly EventField[] = [
  { name: 'fd', shape: { kind: 'integer', signed: false, width: 4 } },
  { name: 'count', shape: { kind: 'integer', signed: false, width: 8 } },
  { name: 'state', shape: { kind: 'integer', signed: true, width: 2 } },
  { name: 'success', shape: { kind: 'bool' } },
  { name: 'addr', shape: { kind: 'pointer' } },
  { name: 'comm', shape: { kind: 'string', limit: 64 } },
];

let parser: Parser;
beforeAll(async () => {
  parser = await goParser();
});
afterAll(() => parser.delete());

const lowered = (clauses: string, knowsGoroutine = true) => {
  const parsed = parseProbeText(`tracepoint:made:up ${clauses}`);
  if (!parsed.ok) throw new Error(parsed.message);
  return lowerForSource(parser, parsed.spec, fields, knowsGoroutine);
};

for (const [clauses, words] of [
  ['if file == 1', 'made:up has no field file; it has fd, count, state, success, addr, comm.'],
  ['if comm > "a"', '== or !='],
  ['if comm[0] == 65', 'name[:3]'],
  ['if comm == state', 'different types'],
  ['if uint32(fd) == count', 'uint32 and uint64'],
  ['if fd == -1', '-1 is no value of uint32'],
  ['if state == 40000', '40000 is no value of int16'],
  ['if fd', 'true or false'],
  ['if strings.HasSuffix(comm, comm)', 'compared with literals only; write what it is compared with'],
  ['if strings.Contains(comm, "0123456789abcdefg")', '16 bytes at most; search for a part of it'],
  ['if strings.HasSuffix(comm[1:], "b")', 'searches a text as a whole; leave the brackets out'],
  ['if comm[fd:] == "b"', 'begins at a number below 63; write one, as in name[2:]'],
  ['if comm[70:] == "b"', 'begins at a number below 63'],
  ['if comm[60:66] == "aaaabc"', 'first 63 bytes'],
  ['if comm[60:] == "abc"', 'first 63 bytes'],
  ['if strings(fd) == 1', 'calls no functions; compare'],
  ['do log "{count + x}"', 'has no field x'],
  ['do log "{comm[1:2]}"', '{comm[1:2]} is neither a field nor a number'],
  [`if comm == "${'a'.repeat(63)}"`, 'first 63 bytes'],
] as const) {
  it(`refuses "${clauses.slice(0, 40)}" with a sentence`, () => {
    expect(() => lowered(clauses)).toThrow(words);
  });
}

it('refuses the goroutine where it is not known', () => {
  expect(() => lowered('if runtime.curg.goid == 19', false)).toThrow('goroutine');
  expect(lowered('if runtime.curg.goid == 19').condition).toMatchObject({ left: { kind: 'goroutine-id' } });
});

it('takes parts of texts that end where a text is looked at', () => {
  expect(lowered('if comm[60:63] == "abc"').condition).toMatchObject({ kind: 'string-test' });
  expect(lowered('if comm[60:] == "ab"').condition).toMatchObject({ kind: 'string-test' });
});

it('takes truth values, pointers and numbers as Go does, and fields by their names', () => {
  expect(lowered('if success && addr != 0').condition).toMatchObject({ kind: 'logical' });
  expect(lowered('if state == -3').condition).toMatchObject({ kind: 'compare', signed: true });
  expect(lowered('do log "{fd} {comm}"')).toEqual({ condition: undefined, captures: [] });
  expect(lowered('do log "{fd} {count/2}"').captures).toMatchObject([{ name: 'count/2', typeName: 'uint64' }]);
});
