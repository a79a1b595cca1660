import { describe, expect, it } from 'vitest';
import { World } from './core-world.js';

/** Refused with this in the message, or passed on to Delve. */
const shapes: readonly [command: string, args: unknown, refusal: string | undefined][] = [
  ['next', { threadId: 'one' }, '"threadId" must be a whole number'],
  ['next', { threadId: 1.5 }, '"threadId" must be a whole number'],
  ['next', { threadId: 1e300 }, '"threadId" must be a whole number'],
  ['next', { threadId: 1, singleThread: 'yes' }, '"singleThread" must be true or false'],
  ['stackTrace', [1], 'its arguments must be an object'],
  ['stackTrace', 'all', 'its arguments must be an object'],
  ['evaluate', { expression: 1 }, '"expression" must be a text'],
  ['setBreakpoints', { source: 'x.go', breakpoints: [] }, '"source" must be an object'],
  ['setBreakpoints', { source: { path: 3 }, breakpoints: [] }, '"source.path" must be a text'],
  ['setBreakpoints', { source: {}, breakpoints: {} }, '"breakpoints" must be a list'],
  ['setBreakpoints', { source: {}, breakpoints: [{ line: 1 }, 2] }, '"breakpoints[1]" must be an object'],
  ['setBreakpoints', { source: {}, breakpoints: [{ line: '1' }] }, '"breakpoints[0].line" must be a whole number'],
  ['setBreakpoints', { source: {}, breakpoints: [{ line: 1, condition: true }] }, 'condition" must be a text'],
  ['setBreakpoints', { source: {}, lines: ['1'] }, '"lines[0]" must be a whole number'],
  ['setExceptionBreakpoints', { filters: [1] }, '"filters[0]" must be a text'],
  ['disconnect', { terminateDebuggee: 1 }, '"terminateDebuggee" must be true or false'],
  ['next', { threadId: null }, undefined],
  ['stackTrace', null, undefined],
  ['stackTrace', { threadId: -1, levels: 0, unheard: [] }, undefined],
  ['setBreakpoints', { source: null, breakpoints: [null] }, undefined],
  ['setDataBreakpoints', { breakpoints: [{ dataId: 5 }] }, undefined],
  ['unheard-of', { line: 'one' }, undefined],
  ['unheard-of', 7, undefined],
];

describe('arguments of requests', () => {
  it.each(shapes)('%s %j', (command, args, refusal) => {
    const world = World.ready();
    const seq = world.request(command, args);
    const outputs = world.take();
    const answers = outputs.flatMap((output) => (output.kind === 'to-client' ? [output.message] : []));
    expect(outputs.some(({ kind }) => kind === 'to-delve')).toBe(refusal === undefined);
    if (refusal === undefined) return;
    const message = expect.stringContaining(refusal);
    expect(answers).toMatchObject([{ request_seq: seq, success: false, body: { error: { format: message } } }]);
  });
});
