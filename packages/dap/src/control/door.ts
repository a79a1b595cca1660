/** The control socket of one session: what the language server asks becomes inputs, what the core says goes back. */
import type {
  ControlListener,
  ControlProbe,
  ControlProbeState,
  ControlTimeline,
  SessionAbout,
} from '@probelens/probes/control';
import type { Input } from '../core/input.js';
import type { ProbeView } from '../core/output.js';
import type { DapOptions } from '../options.js';

interface Answer {
  readonly probes?: readonly ProbeView[];
  readonly timeline?: ControlTimeline;
  readonly refusal?: string;
}

type Waiting = (answer: Answer) => void;

const stateOf = (view: ProbeView): ControlProbeState => {
  switch (view.state) {
    case 'planning':
      return 'waiting';
    case 'armed':
      return 'armed';
    case 'delve':
      return 'delve';
    case 'refused':
      return 'failed';
    case 'gone':
      return 'removed';
  }
};

const controlProbe = (view: ProbeView): ControlProbe => ({
  id: view.id,
  text: view.text,
  function: view.function,
  state: stateOf(view),
  hits: view.hits,
  message: view.message,
});

export class ControlDoor {
  readonly #options: DapOptions;
  readonly #tell: (input: Input) => void;
  readonly #waiting = new Map<number, Waiting>();
  #listener: Promise<ControlListener | undefined> | undefined;
  #tickets = 0;

  constructor(options: DapOptions, tell: (input: Input) => void) {
    this.#options = options;
    this.#tell = tell;
  }

  /** From now on the session can be found. Without a binary there is nothing to ask it. */
  async open(binary: string | undefined, debuggee?: number): Promise<void> {
    const directory = this.#options.controlDirectory;
    if (binary === undefined || directory === false) return;
    if (this.#listener !== undefined) {
      (await this.#listener)?.update({ binary, debuggee });
      return;
    }
    this.#listener = this.#listen({ binary, debuggee, workspace: process.cwd() }, directory);
    await this.#listener;
  }

  async #listen(about: SessionAbout, directory: string | undefined): Promise<ControlListener | undefined> {
    const { listenControl, ControlError } = await import('@probelens/probes/control');
    const ask = async (make: (ticket: number) => Input): Promise<Answer> => {
      const answer = await new Promise<Answer>((resolve) => {
        this.#tickets += 1;
        this.#waiting.set(this.#tickets, resolve);
        this.#tell(make(this.#tickets));
      });
      if (answer.refusal !== undefined) throw new ControlError('refused', answer.refusal);
      return answer;
    };
    const probes = async (make: (ticket: number) => Input): Promise<readonly ControlProbe[]> =>
      (await ask(make)).probes?.map(controlProbe) ?? [];
    const one = async (make: (ticket: number) => Input): Promise<ControlProbe> => {
      const [probe] = await probes(make);
      if (probe === undefined) throw new ControlError('no-such-probe', 'The session has no such probe any more.');
      return probe;
    };
    try {
      return await listenControl(
        {
          add: ({ text, where }) => one((ticket) => ({ kind: 'control-add', ticket, text, where })),
          remove: (id) => one((ticket) => ({ kind: 'control-remove', ticket, id })),
          list: () => probes((ticket) => ({ kind: 'control-list', ticket })),
          timeline: async (goroutine) => {
            const { timeline } = await ask((ticket) => ({ kind: 'control-timeline', ticket, goroutine }));
            return timeline ?? { entries: [], dropped: 0 };
          },
        },
        about,
        directory === undefined ? {} : { directory },
      );
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const body = { category: 'console', output: `${text}\n` };
      this.#tell({ kind: 'delve-message', message: { seq: 0, type: 'event', event: 'output', body } });
      return undefined;
    }
  }

  answer(ticket: number, probes: readonly ProbeView[]): void {
    this.#waiting.get(ticket)?.({ probes });
    this.#waiting.delete(ticket);
  }

  showTimeline(ticket: number, timeline: ControlTimeline): void {
    this.#waiting.get(ticket)?.({ timeline });
    this.#waiting.delete(ticket);
  }

  refuse(ticket: number, message: string): void {
    this.#waiting.get(ticket)?.({ refusal: message });
    this.#waiting.delete(ticket);
  }

  changed(probes: readonly ProbeView[]): void {
    void this.#listener?.then((listener) => listener?.changed(probes.map(controlProbe)));
  }

  async close(): Promise<void> {
    for (const waiting of this.#waiting.values()) waiting({ refusal: 'The debug session has ended.' });
    this.#waiting.clear();
    await (await this.#listener)?.close();
  }
}
