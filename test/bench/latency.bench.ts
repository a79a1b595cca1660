/**
 * How long a person waits, as ratios: each way of `probelens latency` beside the floor of this machine, and a stop that
 * the kernel judges beside one that Delve makes by itself.
 *
 * Method: a measurement of the one and of the other in turn, so that both see the same machine; of the pairs' ratios the
 * median and the quartiles are printed, which a machine that others use moves less than times. The ways and their floors
 * are the command's own. For the stops two servers of Delve wait for an editor, each debugged through the adapter by a
 * Delve of its own, with a breakpoint on the function that a request passes once: the one with a condition that always
 * holds, judged in the kernel, the other with Delve's own breakpoint and the kernel off. Measured from writing the request
 * to the event `stopped` at the client.
 */
import { readFileSync } from 'node:fs';
import { latencyText, measureLatency } from '@probelens/dap';
import { agentCommand } from '@probelens/probes';
import { describe, expect, it } from 'vitest';
import { openVirtualKey } from '../../packages/cli/src/keys/inject/virtual-key.js';
import { DelveServer } from '../../packages/dap/src/latency/delve-server.js';
import { inTurn } from '../../packages/dap/src/latency/sampler.js';
import { delveAlone, throughDelve, toStopped } from '../../packages/dap/src/latency/session-path.js';
import { builtCommand } from '../command.js';
import { findDelve } from '../delve.js';
import { findProgram, requirement } from '../requirements.js';

const count = 300;
const stops = 60;

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(sorted.length * share)] ?? Number.NaN;

const ratios = (of: readonly bigint[], to: readonly bigint[]): string => {
  const sorted = of.map((value, index) => Number(value) / Number(to[index])).toSorted((a, b) => a - b);
  return `${at(sorted, 0.5).toFixed(2)} (${at(sorted, 0.25).toFixed(2)} to ${at(sorted, 0.75).toFixed(2)})`;
};

const milliseconds = (values: readonly bigint[]): string =>
  (Number(values.toSorted((a, b) => Number(a - b))[values.length >> 1]) / 1e6).toFixed(2);

const load = (): string => readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ');

describe.skipIf(
  process.env.PROBELENS_BENCH !== '1' || requirement('kernel', 'delve').missing || findProgram('script') === undefined,
)('how long a person waits', () => {
  const delve = findDelve() ?? '';

  it('beside the floor of the machine', { timeout: 300_000 }, async () => {
    const command = [process.execPath, await builtCommand()];
    const report = await measureLatency({
      agentCommand: agentCommand([...command, 'agent']),
      adapterCommand: [...command, 'dap'],
      terminalCommand: (pid) => [...command, 'debug', '--probe-only', '--attach', String(pid)],
      delve,
      openKey: openVirtualKey,
      count,
    });
    process.stdout.write(`${latencyText(report, undefined)}\nload ${load()}\n`);
    // Where the machine has no uinput.
    expect(report.left.filter((line) => !line.startsWith('uinput: '))).toEqual([]);
  });

  it("for a stop that the kernel judges, beside Delve's own", { timeout: 300_000 }, async () => {
    const command = [process.execPath, await builtCommand(), 'dap'];
    const servers = [await DelveServer.start(delve), await DelveServer.start(delve)] as const;
    try {
      const own = await toStopped(command, servers[0], delveAlone(delve), 'request');
      const ours = await toStopped(command, servers[1], throughDelve(delve), 'request');
      const { floor, samples } = await inTurn(own, ours, 5, stops);
      await ours.end();
      await own.end();
      process.stdout.write(
        `request to \`stopped\`: judged in the kernel ${milliseconds(samples)} ms, Delve's own breakpoint ${milliseconds(floor)} ms; ratio of ${stops} pairs ${ratios(samples, floor)}, load ${load()}\n`,
      );
    } finally {
      for (const server of servers) await server.end();
    }
  });
});
