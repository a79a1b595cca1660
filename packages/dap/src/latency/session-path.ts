/** From a hit in the kernel to `stopped` at a client: a whole session without a debugger, as an editor has it. */
import { type Event, listOf, objectOf, stringOf } from '../core/message.js';
import { AdapterProcess } from '../terminal/adapter-process.js';
import { type DelveServer, requestFunction } from './delve-server.js';
import type { Samples } from './kernel-path.js';
import { LatencyError } from './latency-error.js';
import { now, within } from './patience.js';

class Client {
  readonly adapter: AdapterProcess;
  readonly #waiting = new Map<string, (arrived: bigint) => void>();

  constructor(command: readonly string[]) {
    this.adapter = new AdapterProcess(command, {
      onEvent: ({ event }: Event) => {
        const arrived = now();
        this.#waiting.get(event)?.(arrived);
      },
      onEnded: () => undefined,
    });
  }

  /** When the next event of this name came. */
  event(name: string): Promise<bigint> {
    const come = new Promise<bigint>((resolve) => this.#waiting.set(name, resolve));
    return within(come, `The adapter's event "${name}"`);
  }

  /** The kernel's time of the last hit, from the session's own timeline. */
  async lastHit(): Promise<bigint> {
    const { entries } = await this.adapter.request('probelens/timeline');
    const last = listOf(entries)
      .map(objectOf)
      .findLast(({ kind }) => kind === 'hit');
    const time = stringOf(last?.time);
    if (time === undefined) throw new LatencyError('The session stopped, and its timeline has no hit; report this.');
    return BigInt(time);
  }
}

const begin = async (client: Client, delve: DelveServer): Promise<void> => {
  const { adapter } = client;
  await adapter.request('initialize', { clientID: 'probelens-latency', adapterID: 'probelens' });
  const initialized = client.event('initialized');
  const attached = adapter.request('attach', { mode: 'probe', processId: delve.pid });
  // A refused attach comes instead of the event.
  await Promise.race([initialized, attached]);
  await initialized;
  await adapter.request('setFunctionBreakpoints', { breakpoints: [{ name: requestFunction }] });
  await adapter.request('configurationDone');
  await attached;
};

/** `command` starts the adapter on its stdin and stdout. */
export const hitToStopped = async (command: readonly string[], delve: DelveServer, count: number): Promise<Samples> => {
  const client = new Client(command);
  const samples: bigint[] = [];
  try {
    await begin(client, delve);
    for (let round = 0; round < count; round++) {
      const stopped = client.event('stopped');
      const answered = delve.poke();
      const arrived = await stopped;
      samples.push(arrived - (await client.lastHit()));
      await client.adapter.request('continue', { threadId: 1 });
      await answered;
    }
    await client.adapter.request('disconnect', { terminateDebuggee: false });
  } finally {
    await client.adapter.end();
  }
  return samples;
};
