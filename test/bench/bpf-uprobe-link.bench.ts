/**
 * What it takes to arm and disarm thousands of uprobes.
 *
 * Method: a tiny static program with 2,733 functions runs and waits; one uprobe_multi link puts a counting program on
 * all of them, then the link is closed; wall clock of the two calls, best and median of 10 rounds. Beside it the perf
 * PMU, one event for each function, for 20 of them. All hits of one round are counted to show that every one is armed.
 */
import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Assembler,
  attachPerfUprobe,
  attachUprobeMulti,
  LossCounter,
  loadProgram,
  type ProgramOptions,
} from '../../packages/bpf/src/index.js';
import { TinyProcess, type TinyProgram, writeTinyProgram } from '../../packages/bpf/test/tiny-program.js';
import { requirement } from '../requirements.js';

const functions = 2733;
const rounds = 10;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const clock = (action: () => void): number => {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e6;
};
const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
const describeTimes = (times: readonly number[]): string =>
  `${Math.min(...times).toFixed(1)} ms at best, ${median(times).toFixed(1)} ms in the middle`;

describe.skipIf(requirement('kernel').missing)('uprobe links', () => {
  let program: TinyProgram;
  let target: TinyProcess;
  const counter = new LossCounter();

  beforeAll(async () => {
    program = writeTinyProgram({ functions, rounds: 10 });
    target = new TinyProcess(program);
    await target.run();
  });
  afterAll(async () => {
    expect(await target.end()).toBe(0);
    program.remove();
    counter.close();
  });

  const load = (options: Partial<ProgramOptions>) => {
    const assembler = new Assembler()
      .loadMapValue('r1', counter.map)
      .mov('r2', 1)
      .atomic('add', 'r1', 0, 'r2')
      .mov('r0', 0);
    return loadProgram({ type: 'kprobe', name: 'bench', instructions: assembler.exit().assemble(), ...options });
  };

  it(`${functions} functions through one link, against one perf event each`, async () => {
    say(`machine: ${cpus().length} x ${cpus()[0]?.model}, node ${process.version}`);
    const multi = load({ expectedAttachType: 'uprobe-multi' });
    const [arm, disarm]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      let close = (): void => undefined;
      arm.push(
        clock(() => {
          const link = attachUprobeMulti({
            program: multi,
            path: program.path,
            offsets: program.offsets,
            pid: target.pid,
          });
          close = () => link.close();
        }),
      );
      if (round === 0) {
        await target.run();
        expect(counter.lost).toBe(BigInt(functions * 10));
      }
      disarm.push(clock(close));
    }
    say(`one link: armed in ${describeTimes(arm)}; disarmed in ${describeTimes(disarm)}`);

    const single = load({});
    const [each, off]: [number[], number[]] = [[], []];
    for (const offset of program.offsets.slice(0, 20)) {
      let close = (): void => undefined;
      each.push(
        clock(() => {
          const link = attachPerfUprobe({ program: single, path: program.path, offset, pid: target.pid });
          close = () => link.close();
        }),
      );
      off.push(clock(close));
    }
    say(`perf PMU: one function armed in ${describeTimes(each)}; disarmed in ${describeTimes(off)}`);
    say(
      `ratio of the middles for ${functions} functions: ${((median(each) * functions) / median(arm)).toFixed(0)} times`,
    );
    multi.close();
    single.close();
  });
});
