import { describe, expect, it } from 'vitest';
import { errors } from '../src/index.js';

const all = [
  errors.delveNotFound(['PATH']),
  errors.delveDidNotStart('/bin/dlv', 'no'),
  errors.delveSilent('/bin/dlv', 60),
  errors.delveUnreachable('127.0.0.1:1', 'ECONNREFUSED'),
  errors.remoteWithoutPort(),
  errors.delveGone(),
  errors.kernelRequired('no privileges.'),
  errors.badArgument('kernel', '"auto" or "off"'),
  errors.sessionEnding(),
  errors.notPrepared(),
  errors.noInitialize('Only 1-based line numbers are supported.'),
  errors.console('There is no probe "3".'),
  errors.alreadyStarted(),
  errors.noProbeMode('the process is gone.'),
  errors.withoutDebugger('next'),
  errors.notCaptured('x', ['o', 'mult']),
  errors.staleReference(),
  errors.probesLost('the agent has ended.'),
  errors.misshapen('next', '"threadId" must be a whole number'),
];

describe('what is refused', () => {
  it('is all in this list', () => {
    expect(all).toHaveLength(Object.keys(errors).length);
  });

  it('has an id of its own', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it.each(all.map(({ message }) => [message]))('is one sentence: %s', (message) => {
    expect(message).toMatch(/^[A-Z"][^\n]*\.$/);
  });
});
