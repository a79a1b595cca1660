/** What was seen of each goroutine and thread last: as much as a report shows, however much happens. */
import type { CrashMoment } from './report.js';

interface KeptMoment {
  readonly moment: CrashMoment;
  /** A panic that was recovered: told by itself already. */
  readonly isPanic: boolean;
}

const shownMoments = 16;
/** Of each goroutine and of each thread; panics among them are not shown everywhere. */
const keptMoments = 2 * shownMoments;
/** Those that nothing was seen of for longest go first. */
const mostLists = 1024;

export class Moments {
  readonly #lists = new Map<string, KeptMoment[]>();

  add(moment: CrashMoment, isPanic: boolean): void {
    const kept = { moment, isPanic };
    this.#append(`thread ${moment.tid}`, kept);
    if (moment.goid !== '0') this.#append(`goroutine ${moment.goid}`, kept);
  }

  #append(name: string, kept: KeptMoment): void {
    const list = this.#lists.get(name) ?? [];
    list.push(kept);
    if (list.length > keptMoments) list.shift();
    // The order of a map is that of its insertions: this one becomes the latest.
    this.#lists.delete(name);
    this.#lists.set(name, list);
    if (this.#lists.size <= mostLists) return;
    for (const oldest of this.#lists.keys()) {
      this.#lists.delete(oldest);
      return;
    }
  }

  /** The last of a thread and a goroutine, in the order of time. */
  of(tid: number, goroutine: string, withPanics: boolean): readonly CrashMoment[] {
    const names = [`thread ${tid}`, ...(goroutine === '0' ? [] : [`goroutine ${goroutine}`])];
    const all = new Set(names.flatMap((name) => this.#lists.get(name) ?? []));
    return [...all]
      .filter(({ isPanic }) => withPanics || !isPanic)
      .map(({ moment }) => moment)
      .sort((a, b) => (BigInt(a.t) < BigInt(b.t) ? -1 : 1))
      .slice(-shownMoments);
  }
}
