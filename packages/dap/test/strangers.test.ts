import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, it } from 'vitest';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { connectClient, initializeArguments, lineOf, startAdapter } from './session-client.js';

const tracing = '/sys/kernel/tracing';

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('a probe of somebody else', () => {
  it.each([[[]], [['-buildmode=pie']]])('is noticed before Delve writes beside it %j', async (flags) => {
    const work = mkdtempSync(join(tmpdir(), 'dap-strangers-'));
    const program = await privateCopy(await buildFixture('orders', { flags }), work);
    const source = join(fixtureSources('orders'), 'order.go');
    const binary = await openGoBinary(program);
    const [price] = binary.functionsNamed('main.price');
    const runs = price === undefined ? [] : binary.linesOf(price).filter(({ chain }) => chain.length === 1);
    const taken = runs.find(({ chain }) => (chain[0]?.line ?? 0) > lineOf(source, 'func price('));
    if (taken === undefined) throw new Error('main.price has no line of its own');
    const line = taken.chain[0]?.line ?? 0;
    const offset = binary.offsetOf(taken.address);
    binary.close();
    // A uprobe as perf and bpftrace on old kernels make it.
    const event = `stranger_${process.pid}_${flags.length}`;
    appendFileSync(`${tracing}/uprobe_events`, `p:probelens_test/${event} ${program}:0x${offset.toString(16)}\n`);
    const server = await startAdapter();
    try {
      writeFileSync(`${tracing}/events/probelens_test/${event}/enable`, '1');
      const client = await connectClient(server.port);
      await client.ask('initialize', initializeArguments);
      const launch = client.ask('launch', { mode: 'exec', program, args: ['300'] });
      await client.next('initialized');
      expect((await launch).success).toBe(true);
      // Answered when the kernel side is open.
      await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'main.price', condition: 'o.ID == 20' }] });
      const other = lineOf(source, 'func price(');
      await client.ask('setBreakpoints', { source: { path: source }, breakpoints: [{ line: other }] });
      expect(client.output).not.toContain('Another tool');
      await client.ask('setBreakpoints', { source: { path: source }, breakpoints: [{ line }] });
      expect(client.output).toContain(`has a breakpoint instruction in main.price at order.go:${line}`);
      await client.ask('disconnect', { terminateDebuggee: true });
      await client.leave();
    } finally {
      writeFileSync(`${tracing}/events/probelens_test/${event}/enable`, '0');
      appendFileSync(`${tracing}/uprobe_events`, `-:probelens_test/${event}\n`);
      server.child.kill('SIGTERM');
      await once(server.child, 'exit');
      rmSync(work, { recursive: true, force: true });
    }
  });
});
