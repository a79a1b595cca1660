/**
 * Gates at the beginning of a line, which Delve has back while it steps, and behind it, where steps to the line end before the
 * gate: the program computes right whatever a person does, and what stops is what stops with Delve alone.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type GoBinary, openGoBinary } from '@probelens/gosym';
import { loadPlanner } from '@probelens/probes';
import { describe, expect, it } from 'vitest';
import { buildFixture, fixtureSources, privateCopy } from '../../../test/fixture-build.js';
import { requirement, soaking } from '../../../test/requirements.js';
import { firstOf, present } from './answers.js';
import { type Place, placesIn } from './recorded-hits.js';
import { lineOf, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

const unoptimised = ['-gcflags=all=-N -l'];
const verify = fixtureSources('verify');
const [main, shapes] = [join(verify, 'main.go'), join(verify, 'shapes.go')];

/** File, text of the line, condition. */
type Wanted = readonly [string, string, string];

/** Lines in hot loops and calls of the two goroutines, with conditions that hold now and then. */
const wanted: readonly Wanted[] = [
  [main, 'if o.Qty == 0 {', 'mult == 2'],
  [main, 'return o.Price * o.Qty * mult', 'o.ID == 3'],
  [main, 'sum := o.ID*13 + o.Pad', 'rounds == 1'],
  [main, 'sum = (sum^0x5a5a5a)*31', 'i == 2'],
  [main, 'sum = sum&0xffffff', 'i == 1'],
  [main, 'if o.Qty > 100 {', 'mult == 2'],
  [main, 'return blend(o, 1)*mult', 'o.Qty == 7'],
  [main, 'if price(order, 2) != 154', 'i == 17'],
  [main, 'if i == 0 && price(empty', 'i == 0'],
  [main, 'if blend(order, rounds) != right', 'i == 100'],
  [main, 'if settle(order, 2) != settled', 'i == 200'],
  [main, 'bad.Add(wrong)', 'wrong == 0'],
  [shapes, 'if o.Qty > n {', 'n == 40'],
  [shapes, 'larger -= o.Price', 'n == 12'],
  [shapes, 'l.last = fresh', 'n == 33'],
  [shapes, 'if even {', 'n == 50'],
  [shapes, 'g, named = -g, named+1', 'n == 20'],
  [shapes, 'return o.Price ^ o.ID', 'kind == 2'],
  [shapes, 'o.Qty += i ^ o.ID', 'kind == 5 && i == 3'],
  [shapes, 'total := o.Price + kind', 'kind == 14'],
  [shapes, 'return total * o.Qty', 'kind > 12'],
];

/** Each takes some 60 ms, a hundred on a busy machine. */
const steps = Number(process.env.PROBELENS_ROUNDS ?? (soaking ? 1_500 : 15));

/** Stops and commands of one walk that is held against Delve's. */
const compared = soaking ? 200 : 20;

const yielding = /^In the kernel.*While you step, Delve has it\./;

/** Numbers that look random and are the same each time (Park and Miller's generator). */
const numbers = (seed: number): ((below: number) => number) => {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
};

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('gates at the beginning of lines', () => {
  const stage = new SessionStage('line-starts', () =>
    process.env.LOGDLV ? { PROBELENS_TEST_DLV: process.env.LOGDLV } : {},
  );

  /** Answers' messages, in the order of `lines`. */
  const set = async (client: TestClient, lines: readonly Wanted[]): Promise<readonly string[]> => {
    const messages = new Map<Wanted, string>();
    for (const path of [main, shapes]) {
      const own = lines.filter(([file]) => file === path);
      const breakpoints = own.map(([, text, condition]) => ({ line: lineOf(path, text), condition }));
      const body = await client.request('setBreakpoints', { source: { path }, breakpoints });
      for (const [index, line] of own.entries()) messages.set(line, body.breakpoints[index]?.message ?? '');
    }
    return lines.map((line) => messages.get(line) ?? '');
  };

  /** Functions of the program whose code in memory is not that of the file. */
  const changed = (pid: number, path: string, binary: GoBinary): readonly string[] => {
    const read = (from: string, position: number, length: number): Buffer => {
      const file = openSync(from, 'r');
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, position);
      closeSync(file);
      return bytes;
    };
    return binary
      .functionsMatching(/^main\./)
      .filter(({ entry, size }) => {
        const memory = read(`/proc/${pid}/mem`, entry, size);
        return !memory.equals(read(path, binary.offsetOf(entry), size));
      })
      .map(({ name }) => name);
  };

  const nextStop = async (client: TestClient): Promise<number> => {
    const { event, body } = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
    if (event === 'terminated') throw new Error(`the program ended: ${client.output.slice(-300)}`);
    return body.threadId;
  };

  /** Steps and continues in random order, with the breakpoints set again now and then. */
  const walk = async (client: TestClient, lines: readonly Wanted[], seed: number): Promise<ReadonlySet<number>> => {
    const random = numbers(seed);
    const commands = ['continue', 'continue', 'next', 'next', 'next', 'stepIn', 'stepOut'] as const;
    const threads = new Set<number>();
    let threadId = await nextStop(client);
    for (let step = 0; step < steps; step++) {
      threads.add(threadId);
      if (random(25) === 0) await set(client, lines);
      const command = commands[random(commands.length)] ?? 'next';
      expect(await client.ask(command, { threadId }), command).toMatchObject({ success: true });
      threadId = await nextStop(client);
    }
    return threads;
  };

  it.each([
    ['optimised', [], 7],
    ['-N -l', unoptimised, 11],
  ])(
    'leave the program as it was after random continues and steps, %s',
    { timeout: 3_600_000 },
    async (_, flags, seed) => {
      const path = await privateCopy(await buildFixture('verify', { flags }), stage.work);
      const client = await stage.launch(path, { args: ['100000'] });
      const messages = await set(client, wanted);
      const lines = wanted.filter((_line, index) => messages[index]?.startsWith('In the kernel'));
      expect(messages.filter((message) => yielding.test(message)).length).toBeGreaterThan(2);
      await set(client, lines);
      await client.ask('configurationDone');
      // Few of the steps go from one goroutine to the other.
      expect((await walk(client, lines, seed)).size).toBeGreaterThan(steps > 500 ? 1 : 0);
      // A pause takes away what is left of a step.
      await set(client, []);
      await client.ask('continue', { threadId: 1 });
      await client.ask('pause', { threadId: 1 });
      await nextStop(client);
      const { pid } = client;
      const binary = await openGoBinary(path);
      expect(changed(pid, path, binary)).toEqual([]);
      binary.close();
      process.kill(pid, 'SIGTERM');
      await client.ask('continue', { threadId: 1 });
      await client.next('terminated');
      expect(client.output).toMatch(/^calls \d+ bad 0$/m);
    },
  );

  type LinePlace = Place & { readonly kind: 'line' };

  interface Sent {
    readonly lines: readonly LinePlace[];
    readonly messages: readonly string[];
    readonly ids: readonly number[];
  }

  const setLines = async (client: TestClient, lines: Sent['lines']): Promise<Sent> => {
    const sent: { lines: LinePlace[]; messages: string[]; ids: number[] } = {
      lines: [],
      messages: [],
      ids: [],
    };
    for (const path of new Set(lines.map(({ file }) => file))) {
      const own = lines.filter(({ file }) => file === path);
      const breakpoints = own.map(({ line }) => ({ line, condition: 'runtime.curg.goid == 1' }));
      const body = await client.request('setBreakpoints', { source: { path }, breakpoints });
      for (const [index, line] of own.entries()) {
        const { message, id } = present(body.breakpoints[index]);
        sent.lines.push(line);
        sent.messages.push(message ?? '');
        sent.ids.push(present(id));
      }
    }
    return sent;
  };

  /** Stops of a walk: why, where, and at which of the breakpoints. */
  const stopsOf = async (client: TestClient, { ids }: Sent, seed: number): Promise<readonly string[]> => {
    const random = numbers(seed);
    const commands = ['continue', 'continue', 'next', 'next', 'stepIn', 'stepOut'] as const;
    const stops: string[] = [];
    while (stops.length < compared) {
      const { event, body } = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event === 'terminated') return [...stops, 'the end'];
      const { threadId, reason, hitBreakpointIds = [] } = body;
      const top = firstOf((await client.request('stackTrace', { threadId, levels: 1 })).stackFrames);
      const at = hitBreakpointIds.map((id: number) => ids.indexOf(id));
      stops.push(`${reason} ${top.name}:${top.line} ${at.join()}`);
      const command = commands[random(commands.length)] ?? 'next';
      stops.push(command);
      await client.ask(command, { threadId });
    }
    return stops;
  };

  it('stop where Delve alone stops, whatever steps are between', { timeout: 1_200_000 }, async () => {
    const path = await stage.program('variety', { flags: unoptimised });
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    const suited = placesIn('variety').filter((place): place is LinePlace => {
      if (place.kind !== 'line') return false;
      const spec = {
        target: place,
        condition: undefined,
        scope: { kind: 'process' },
        action: { kind: 'stop' },
      } as const;
      const planned = planner.plan({ ...spec, rateLimit: undefined }, binary, { avoid: [], yielding: true });
      // At a function's entry a gate stops a step into it where Delve's breakpoint stops: behind its first line.
      return planned.ok && planned.plan.sites.every(({ yields, tier }) => yields === true || tier === 2);
    });
    binary.close();
    planner.dispose();
    expect(suited.length).toBeGreaterThan(20);
    for (let round = 0; round < (soaking ? 12 : 1); round++) {
      const chosen = suited.filter((_, index) => index % 3 === round % 3);
      const walks: (readonly string[])[] = [];
      for (const kernel of ['auto', 'off']) {
        const client = await stage.launch(path, { args: ['2'], kernel });
        const sent = await setLines(client, chosen);
        if (kernel === 'auto') {
          expect(sent.messages.every((message) => message.startsWith('In the kernel'))).toBe(true);
          const atBeginnings = sent.messages.filter((message) => yielding.test(message)).length;
          expect(atBeginnings).toBeGreaterThan(2);
          expect(sent.messages.length - atBeginnings).toBeGreaterThan(5);
        }
        await client.ask('configurationDone');
        walks.push(await stopsOf(client, sent, 100 + round));
        await stage.leaveAll();
      }
      expect(walks[0]).toEqual(walks[1]);
      expect(walks[0]?.filter((stop) => stop.startsWith('breakpoint')).length).toBeGreaterThan(3);
    }
  });
});
