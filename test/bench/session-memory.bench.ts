/**
 * What a session keeps in memory: adapter and agent with a program of 50 MB whose every call is logged.
 *
 * Method. `probelens dap` on stdin and stdout, as an editor starts it; it attaches to the fixture "bursts" among 24,000
 * functions (large-program.ts) with one probe that logs three values. The client reads every line and keeps none.
 * Resident memory (VmRSS, and VmHWM as the peak) of adapter and agent: at rest, and after 1, 2, 3 and 4 million events
 * as fast as the program makes them, most of which find no room and are counted. With PROBELENS_SOAK=1 also over ten
 * minutes of 3,000 events a second, every one of them shown, and the slope of it. What is asserted: the fourth million
 * adds less than half of what the first did and 16 MB; every event of the moderate rate is shown.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand } from '../command.js';
import { findDelve, privateCopy } from '../fixture-build.js';
import { requirement } from '../requirements.js';
import { Bursts } from './bursts.js';
import { largeProgram } from './large-program.js';
import { childrenOf, residentMegabytes } from './process-figures.js';

const million = 1_000_000;
/** An hour is what is promised; sixteen minutes show half a megabyte a minute. */
const minutes = Number(process.env.PROBELENS_MINUTES ?? 16);
const moderateRate = 3_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface Answer {
  readonly request_seq: number;
  readonly success: boolean;
  readonly message?: string;
  readonly body?: { readonly result?: string };
}

type Incoming =
  | ({ readonly type: 'response' } & Answer)
  | { readonly type: 'event'; readonly event: string; readonly body?: { readonly output?: string } };

/** Reads everything, keeps nothing but the number of lines of the probe. */
class Reader {
  shown = 0;
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #sequence = 0;
  #rest = Buffer.alloc(0);
  #initialized = (): void => undefined;
  readonly initialized = new Promise<void>((resolve) => {
    this.#initialized = resolve;
  });

  constructor(command: string) {
    const arguments_ = [command, 'dap', '--delve', findDelve() ?? 'dlv'];
    this.#child = spawn(process.execPath, arguments_, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.pid === undefined) throw new Error('the adapter did not start');
    this.pid = this.#child.pid;
    this.#child.stdout.on('data', (bytes: Buffer) => this.#read(bytes));
  }

  #read(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (;;) {
      const header = all.indexOf('\r\n\r\n', at);
      if (header < 0) break;
      const length = Number(/Content-Length: (\d+)/.exec(all.toString('latin1', at, header))?.[1]);
      const end = header + 4 + length;
      if (all.length < end) break;
      this.#take(JSON.parse(all.toString('utf8', header + 4, end)));
      at = end;
    }
    this.#rest = Buffer.from(all.subarray(at));
  }

  #take(message: Incoming): void {
    if (message.type === 'response') this.#answers.get(message.request_seq)?.(message);
    else if (message.event === 'initialized') this.#initialized();
    else if (message.event === 'output' && message.body?.output?.startsWith('> ') === true) this.shown++;
  }

  ask(command: string, args: object = {}): Promise<Answer> {
    const seq = ++this.#sequence;
    const body = JSON.stringify({ seq, type: 'request', command, arguments: args });
    this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    return new Promise((resolve) => this.#answers.set(seq, resolve));
  }

  async probes(): Promise<string> {
    return (await this.ask('evaluate', { expression: 'probes', context: 'repl' })).body?.result ?? '';
  }

  async leave(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    await this.ask('disconnect', { terminateDebuggee: false });
    this.#child.stdin.end();
    await gone;
  }
}

/** Least squares; what comes in each minute. */
const slope = (points: readonly (readonly [minute: number, megabytes: number])[]): number => {
  const mean = (of: 0 | 1): number => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const along = points.reduce((sum, [minute, value]) => sum + (minute - x) * (value - y), 0);
  return along / points.reduce((sum, [minute]) => sum + (minute - x) ** 2, 0);
};

describe.skipIf(requirement('kernel', 'go', 'delve').missing)('memory of a session', () => {
  let directory: string;
  let program: Bursts;
  let session: Reader;
  let agent: number;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-memory-'));
    say(`machine: ${cpus().length} x ${cpus()[0]?.model}, node ${process.version}`);
    program = await Bursts.start(await privateCopy(await largeProgram(), directory));
    session = new Reader(await builtCommand());
    await session.ask('initialize', { adapterID: 'probelens', linesStartAt1: true, pathFormat: 'path' });
    const attached = session.ask('attach', {
      mode: 'local',
      processId: program.pid,
      probes: ['main.price do log "{o.ID} {o.Symbol} {mult}"'],
    });
    await Promise.race([session.initialized, attached]);
    expect(await attached).toMatchObject({ success: true });
    await session.ask('configurationDone');
    while (!/armed/.test(await session.probes())) await new Promise((resolve) => setTimeout(resolve, 50));
    await session.ask('continue', { threadId: 1 });
    agent = childrenOf(session.pid).find(({ command }) => / agent /.test(`${command} `))?.pid ?? 0;
    expect(agent).toBeGreaterThan(0);
  }, 900_000);
  afterAll(async () => {
    await session.leave();
    program.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  const report = (when: string): number => {
    const of = (pid: number): string =>
      `${residentMegabytes(pid).toFixed(0)} MB (peak ${residentMegabytes(pid, 'peak').toFixed(0)})`;
    say(`${when}: adapter ${of(session.pid)}, agent ${of(agent)}, ${session.shown} lines shown`);
    return residentMegabytes(session.pid);
  };

  it('after millions of events as fast as they come', { timeout: 600_000 }, async () => {
    const after = [report('at rest')];
    for (let round = 1; round <= 4; round++) {
      await program.make(million);
      // Answered behind everything that was on its way.
      await session.probes();
      after.push(report(`after ${round} million`));
    }
    const [rest = 0, first = 0, , third = 0, fourth = 0] = after;
    expect(fourth - third).toBeLessThan(Math.max(0, first - rest) / 2 + 16);
  });

  it.skipIf(process.env.PROBELENS_SOAK !== '1')('over time', { timeout: (minutes + 5) * 60_000 }, async () => {
    const before = session.shown;
    const [start, step] = [performance.now(), 100];
    const points: [number, number][] = [];
    let made = 0;
    for (let tick = 1; tick <= (minutes * 60_000) / step; tick++) {
      await program.make((moderateRate * step) / 1_000);
      made += (moderateRate * step) / 1_000;
      const rest = start + tick * step - performance.now();
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      if (tick % 600 === 0) points.push([tick / 600, report(`${tick / 600} min`)]);
    }
    while (session.shown - before < made && !/lost/i.test(await session.probes()))
      await new Promise((resolve) => setTimeout(resolve, 50));
    say(
      `${made} events in ${minutes} min, ${session.shown - before} shown; the adapter grows by ${slope(points).toFixed(2)} MB a minute`,
    );
    expect(session.shown - before).toBe(made);
  });
});
