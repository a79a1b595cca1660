/** The agent's end of its guard: starts it when there is something to guard, and again should somebody kill it. */
import { execa } from 'execa';
import type { ChangedText, GuardOrder } from './guard-protocol.js';
import { removeNote, writeNote } from './journal.js';

type Watch = Extract<GuardOrder, { kind: 'watch' }>;

export interface Watching extends Omit<Watch, 'kind' | 'note' | 'text'> {
  /** What is changed in addition to what was before. */
  readonly changes: ChangedText | undefined;
}

/** More restarts than this in one session mean that the guard cannot live here; the agent then refuses nothing but says so. */
const RESTARTS = 5;

const spawnGuard = (command: readonly string[]) => {
  const [file = '', ...args] = command;
  // A session of its own, and none of the agent's streams: whoever waits for the agent's output must not wait for it.
  return execa(file, args, {
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
    cwd: '/',
  });
};

/** Places that are probed again and again are told once. */
const withChanges = (text: readonly ChangedText[], more: ChangedText): readonly ChangedText[] => {
  const isSame = (each: ChangedText): boolean => each.device === more.device && each.inode === more.inode;
  const offsets = new Set([...text.filter(isSame).flatMap((each) => each.offsets), ...more.offsets]);
  return [...text.filter((each) => !isSame(each)), { ...more, offsets: [...offsets] }];
};

type GuardProcess = ReturnType<typeof spawnGuard>;

export class GuardLink {
  readonly #command: readonly string[];
  readonly #onTrouble: (sentence: string) => void;
  readonly #watched = new Map<number, Watch>();
  #guard: GuardProcess | undefined;
  #starts = 0;
  #closed = false;

  constructor(command: readonly string[], onTrouble: (sentence: string) => void) {
    this.#command = command;
    this.#onTrouble = onTrouble;
  }

  /** Process id of the guard, while there is one. */
  get pid(): number | undefined {
    return this.#guard?.pid;
  }

  /** To be called before a probe that may stop the target, or changes its code, is in the kernel. */
  watch({ changes, ...watching }: Watching): void {
    const { pid } = watching.target;
    const before = this.#watched.get(pid);
    // It may be left stopped: whoever finds it so must know that it was us.
    const stops = watching.stops || watching.tracer !== undefined;
    const note = before?.note ?? (stops ? writeNote(watching.target) : undefined);
    const text = changes === undefined ? (before?.text ?? []) : withChanges(before?.text ?? [], changes);
    const order: Watch = { kind: 'watch', ...watching, note, text };
    this.#watched.set(pid, order);
    if (this.#guard === undefined) this.#start();
    else this.#send(this.#guard, order);
  }

  /** After the last such probe of the target is out and the target runs. */
  forget(pid: number): void {
    const watched = this.#watched.get(pid);
    if (watched === undefined) return;
    this.#watched.delete(pid);
    if (this.#guard !== undefined) this.#send(this.#guard, { kind: 'forget', pid });
    if (watched.note !== undefined) removeNote(watched.note);
  }

  /** Everything is in order: the guard may end. */
  close(): void {
    this.#closed = true;
    for (const { note } of this.#watched.values()) if (note !== undefined) removeNote(note);
    if (this.#guard === undefined) return;
    this.#send(this.#guard, { kind: 'goodbye' });
    this.#guard.stdin.end();
  }

  #start(): void {
    if (this.#starts++ > RESTARTS) {
      this.#onTrouble(
        'The guard keeps dying; should the agent be killed now, continue a stopped program with `kill -CONT`.',
      );
      return;
    }
    const guard = spawnGuard(this.#command);
    this.#guard = guard;
    guard.unref();
    // Written to while it died: its ending is handled below.
    guard.stdin.on('error', () => undefined);
    for (const order of this.#watched.values()) this.#send(guard, order);
    void guard.then(() => {
      if (this.#guard === guard) this.#guard = undefined;
      if (!this.#closed && this.#watched.size > 0) this.#start();
    });
  }

  #send(guard: GuardProcess, order: GuardOrder): void {
    guard.stdin.write(`${JSON.stringify(order)}\n`);
  }
}
