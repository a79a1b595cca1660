/** A debug session whose counts the test sets: the control socket is real, the kernel is not asked. */
import {
  ControlError,
  type ControlListener,
  type ControlProbe,
  type ControlTimelineEntry,
  listenControl,
} from '@probelens/probes/control';

export interface StandInAbout {
  readonly binary: string;
  readonly workspace: string;
}

export class StandInSession {
  readonly probes: ControlProbe[] = [];
  timeline: readonly ControlTimelineEntry[] = [];
  private listener: ControlListener | undefined;
  private next = 1;

  /** @param onAdd called with the number of each new probe, after the request was answered. */
  async start(directory: string, about: StandInAbout, onAdd: (id: number) => void = () => undefined): Promise<void> {
    this.listener = await listenControl(
      {
        add: async ({ text }) => {
          if (text.startsWith('main.refused')) throw new ControlError('unknown-function', 'It cannot be probed.');
          const name = text.split(' ')[0];
          const probe: ControlProbe = { id: this.next++, text, function: name, state: 'armed', hits: 0 };
          this.probes.push(probe);
          setImmediate(() => onAdd(probe.id));
          return probe;
        },
        remove: async (id) => {
          const index = this.probes.findIndex((probe) => probe.id === id);
          const [probe] = this.probes.splice(index, 1);
          if (probe === undefined) throw new ControlError('no-such-probe', `There is no probe ${id}.`);
          return { ...probe, state: 'removed' };
        },
        list: async () => this.probes,
        timeline: async (goroutine) => ({
          entries: this.timeline.filter((entry) => goroutine === undefined || entry.goroutine === goroutine),
          dropped: 0,
        }),
      },
      about,
      { directory },
    );
  }

  /** A probe that came another way: from the launch arguments or the debug console. */
  put(text: string): void {
    const probe: ControlProbe = { id: this.next++, text, function: undefined, state: 'armed', hits: 0 };
    this.probes.push(probe);
    this.listener?.changed([probe]);
  }

  drop(id: number): void {
    const [probe] = this.probes.splice(
      this.probes.findIndex((candidate) => candidate.id === id),
      1,
    );
    if (probe === undefined) throw new Error(`no probe ${id}`);
    this.listener?.changed([{ ...probe, state: 'removed' }]);
  }

  hit(id: number, hits: number): void {
    const index = this.probes.findIndex((probe) => probe.id === id);
    const probe = this.probes[index];
    if (probe === undefined) throw new Error(`no probe ${id}`);
    this.probes[index] = { ...probe, hits };
    this.listener?.changed([{ ...probe, hits }]);
  }

  async stop(): Promise<void> {
    await this.listener?.close();
  }
}
