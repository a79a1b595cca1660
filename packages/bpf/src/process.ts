import { refusal } from './refusal.js';
import { closeDescriptor, pidfdOpen, pidfdSendSignal, readable, watchReadable } from './syscall.js';

const ESRCH = 3;

/** A process held by a pidfd: its number cannot be reused behind our back. */
export interface ProcessHandle {
  readonly pid: number;
  readonly fd: number;
  /** Whether it has ended (it may still be a zombie). */
  readonly exited: boolean;
  /** Calls once, from the event loop, when the process has ended; at once (asynchronously) if it has. Returns the way to stop waiting. */
  onExit(callback: () => void): () => void;
  /** Sends a signal by number. False when the process has ended. Throws KernelError. */
  signal(signal: number): boolean;
  close(): void;
}

/** Opens a process by its thread-group id. Throws KernelError (ESRCH: no such process). */
export function openProcess(pid: number): ProcessHandle {
  if (!Number.isInteger(pid) || pid <= 0) throw new RangeError(`${pid} is no process id`);
  const fd = pidfdOpen(pid);
  if (fd < 0) throw refusal('pidfd_open', -fd, `process ${pid}`);
  let closed = false;
  const waiting = new Set<() => void>();
  let stopWatching: (() => void) | undefined;
  const unwatch = (): void => {
    stopWatching?.();
    stopWatching = undefined;
  };
  const hasExited = (): boolean => {
    const state = readable(fd);
    if (typeof state === 'number') throw refusal('poll', -state, `process ${pid}`);
    return state;
  };
  return {
    pid,
    fd,
    get exited() {
      return !closed && hasExited();
    },
    onExit(callback) {
      if (closed) throw new Error(`the handle of process ${pid} is closed`);
      const entry = (): void => callback();
      waiting.add(entry);
      if (stopWatching === undefined) {
        const watch = watchReadable(fd, () => {
          unwatch();
          const all = [...waiting];
          waiting.clear();
          for (const one of all) one();
        });
        // Waiting for another process's end is no reason to stay alive.
        watch.unref();
        stopWatching = () => watch.close();
      }
      return () => {
        if (waiting.delete(entry) && waiting.size === 0) unwatch();
      };
    },
    signal(number) {
      const result = pidfdSendSignal(fd, number);
      if (result === -ESRCH) return false;
      if (result < 0) throw refusal('pidfd_send_signal', -result, `process ${pid}`);
      return true;
    },
    close() {
      if (closed) return;
      closed = true;
      waiting.clear();
      unwatch();
      closeDescriptor(fd);
    },
  };
}
