/** For a demo that is killed outright: a shell of its own that waits for the end of the demo and of its sessions. */
import { spawn } from 'node:child_process';

/**
 * Reads a pipe whose only writer is this process; at its end waits until nothing runs that was started with this directory
 * in its environment (half a minute at most), and removes it.
 */
const script = `cat >/dev/null
for i in $(seq 150); do
  grep -qs -- "XDG_RUNTIME_DIR=$1" /proc/[0-9]*/environ || break
  sleep 0.2
done
rm -rf -- "$1"`;

export const clearBehind = (directory: string): void => {
  // A session of its own: Ctrl-C in the terminal is not for it.
  const sweeper = spawn('sh', ['-c', script, 'sweeper', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  sweeper.unref();
  if ('unref' in sweeper.stdin && typeof sweeper.stdin.unref === 'function') sweeper.stdin.unref();
};
