/** From a hit in the kernel to `stopped` at a client: a whole session, as an editor has it. */
import { type Event, type JsonObject, listOf, numberOf, objectOf, stringOf } from '../core/message.js';
import { AdapterProcess } from '../terminal/adapter-process.js';
import { type DelveServer, requestFunction } from './delve-server.js';
import { LatencyError } from './latency-error.js';
import { now, within } from './patience.js';
import { endingOnFailure, type Sampler } from './sampler.js';

interface Arrived {
  readonly at: bigint;
  readonly body: JsonObject;
}

class Client {
  readonly adapter: AdapterProcess;
  readonly #waiting = new Map<string, (arrived: Arrived) => void>();

  constructor(command: readonly string[]) {
    this.adapter = new AdapterProcess(command, {
      onEvent: ({ event, body }: Event) => {
        const at = now();
        this.#waiting.get(event)?.({ at, body: objectOf(body) });
      },
      onEnded: () => undefined,
    });
  }

  /** The next event of this name. */
  event(name: string): Promise<Arrived> {
    const come = new Promise<Arrived>((resolve) => this.#waiting.set(name, resolve));
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

/** How the session stops the program, as `attach` and a function breakpoint say it. */
export interface StopWay {
  readonly attach: JsonObject;
  /** For a breakpoint of the kernel's under Delve: one without condition is Delve's own. */
  readonly condition?: string;
}

/** SIGSTOP by the kernel, no debugger. */
export const probeOnly: StopWay = { attach: { mode: 'probe' } };

/** A condition that the kernel judges, and a trap that Delve reports. */
export const throughDelve = (path: string): StopWay => ({
  attach: { mode: 'local', delve: path, kernel: 'required' },
  condition: 's != nil',
});

/** The same function with Delve's own breakpoint, as it would be without us. */
export const delveAlone = (path: string): StopWay => ({ attach: { mode: 'local', delve: path, kernel: 'off' } });

/** Where the time begins: at the kernel's hit, or when the request was written that makes it. */
export type Since = 'hit' | 'request';

const begin = async (client: Client, way: StopWay, delve: DelveServer): Promise<void> => {
  const { adapter } = client;
  await adapter.request('initialize', { clientID: 'probelens-latency', adapterID: 'probelens' });
  const initialized = client.event('initialized');
  const attached = adapter.request('attach', { ...way.attach, processId: delve.pid });
  // A refused attach comes instead of the event.
  await Promise.race([initialized, attached]);
  await initialized;
  const { condition } = way;
  const breakpoint = { name: requestFunction, ...(condition === undefined ? {} : { condition }) };
  await adapter.request('setFunctionBreakpoints', { breakpoints: [breakpoint] });
  await adapter.request('configurationDone');
  await attached;
};

/** `command` starts the adapter on its stdin and stdout; rejects with its refusal. */
export const toStopped = (
  command: readonly string[],
  delve: DelveServer,
  way: StopWay,
  since: Since = 'hit',
): Promise<Sampler> => {
  const client = new Client(command);
  const { adapter } = client;
  const take = async (): Promise<bigint> => {
    const stopped = client.event('stopped');
    const asked = now();
    const answered = delve.poke();
    const { at, body } = await stopped;
    const began = since === 'hit' ? await client.lastHit() : asked;
    await adapter.request('continue', { threadId: numberOf(body.threadId) ?? 1 });
    await answered;
    return at - began;
  };
  return endingOnFailure(
    async () => {
      await begin(client, way, delve);
      return { take, end: () => adapter.end() };
    },
    () => adapter.end(),
  );
};
