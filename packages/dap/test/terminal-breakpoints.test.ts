/** Breakpoints as a person writes them, and what the adapter is sent for them. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../src/core/message.js';
import { listOf } from '../src/core/message.js';
import { Breakpoints, breakpointText } from '../src/terminal/breakpoints.js';

interface Sent {
  readonly command: string;
  readonly args: JsonObject;
}

/** Everything can be set; ids count up. */
const table = () => {
  const sent: Sent[] = [];
  let id = 0;
  const breakpoints = new Breakpoints(async (command, args) => {
    sent.push({ command, args });
    return {
      breakpoints: listOf(args.breakpoints).map(() => ({ id: ++id, verified: true, message: 'in the kernel' })),
    };
  });
  return { breakpoints, sent };
};

describe('breakpoints', () => {
  it.each([
    ['main.price', 'setFunctionBreakpoints', { name: 'main.price' }],
    ['main.price if o.Qty == 0', 'setFunctionBreakpoints', { name: 'main.price', condition: 'o.Qty == 0' }],
    ['orders.go:31 on goroutine 19', 'setBreakpoints', { line: 31, condition: 'on goroutine 19' }],
    ['orders.go:31 if x > 1 on main do stop', 'setBreakpoints', { line: 31, condition: 'x > 1 on main' }],
    ['orders.go:31 do log "{o.ID} paid"', 'setBreakpoints', { line: 31, logMessage: '{o.ID} paid' }],
  ])('%s', async (text, command, expected) => {
    const { breakpoints, sent } = table();
    await breakpoints.add(text, undefined);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ command, args: { breakpoints: [expected] } });
  });

  it.each([
    ['main.price do count', '`probe main.price do count`'],
    ['main.price do log "x"', '`probe main.price do log "x"`'],
    ['main.price return', '`probe`'],
    ['tracepoint:sched:sched_switch', '`probe`'],
    ['main.price if', 'for example: break main.price if o.Qty == 0'],
  ])('%s is refused with the way that works', async (text, says) => {
    const { breakpoints, sent } = table();
    await expect(breakpoints.add(text, undefined)).rejects.toThrow(says);
    expect(sent).toEqual([]);
    expect(breakpoints.all).toEqual([]);
  });

  it('go a file at a time, and only those that are on', async () => {
    const { breakpoints, sent } = table();
    await breakpoints.add('/a.go:1', undefined);
    await breakpoints.add('/b.go:1', undefined);
    const second = await breakpoints.add('/a.go:2', undefined);
    second.enabled = false;
    await breakpoints.send(second.place);
    expect(sent.map(({ args }) => [args.source, listOf(args.breakpoints)])).toEqual([
      [{ path: '/a.go' }, [{ line: 1 }]],
      [{ path: '/b.go' }, [{ line: 1 }]],
      [{ path: '/a.go' }, [{ line: 1 }, { line: 2 }]],
      [{ path: '/a.go' }, [{ line: 1 }]],
    ]);
    sent.length = 0;
    await breakpoints.sendAll();
    expect(sent).toHaveLength(2);
  });

  it('keep their numbers, and say who judges them now', async () => {
    const { breakpoints } = table();
    const first = await breakpoints.add('main.price if o.Qty == 0', undefined);
    await breakpoints.add('main.feed', undefined);
    await breakpoints.remove(first);
    expect((await breakpoints.add('main.worker', undefined)).number).toBe(3);
    const feed = breakpoints.numbered('2');
    expect(breakpoints.changed({ id: feed.dapId, message: 'fell back to Delve' })).toBe(feed);
    expect(breakpointText(feed)).toBe('Breakpoint 2 at main.feed\n    fell back to Delve');
    expect(breakpoints.changed({ id: feed.dapId, message: 'fell back to Delve' })).toBeUndefined();
    expect(() => breakpoints.numbered('1')).toThrow('There is no breakpoint "1"');
  });
});
