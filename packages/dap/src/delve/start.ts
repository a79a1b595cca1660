/** Starts `dlv dap` on a port of its own choice and waits until it listens. */
import { execa } from 'execa';
import { AdapterError, errors } from '../errors.js';

export interface DelveProcess {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** What it prints itself, for the debug console. The program's own output comes as DAP events. */
  readonly streams: { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream };
  readonly ended: Promise<{ readonly how: string; readonly killed: boolean; readonly said: string }>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Delve's own line (service/dap, WriteDAPListeningMessage). */
const listeningLine = /DAP server listening at: (.+):(\d+)\s*$/m;
const rememberedBytes = 4_000;

const spawnDelve = (path: string, flags: readonly string[]) =>
  // A session of its own: Ctrl-C in the terminal of the adapter must not take Delve before the gates are out.
  execa(path, ['dap', '--listen=127.0.0.1:0', ...flags], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
  });

/** Throws AdapterError. `onText` gets what Delve prints after that line. */
export const startDelve = async (
  path: string,
  flags: readonly string[],
  onText: (text: string, stream: 'stdout' | 'stderr') => void,
): Promise<DelveProcess> => {
  const child = spawnDelve(path, flags);
  let said = '';
  let listening: ((at: { host: string; port: number }) => void) | undefined;
  const heard = new Promise<{ host: string; port: number }>((resolve) => {
    listening = resolve;
  });
  const listen = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
    const text = chunk.toString('utf8');
    said = (said + text).slice(-rememberedBytes);
    if (listening === undefined) {
      onText(text, stream);
      return;
    }
    const match = listeningLine.exec(said);
    if (match?.[1] === undefined) return;
    const done = listening;
    listening = undefined;
    done({ host: match[1], port: Number(match[2]) });
  };
  child.stdout.on('data', listen('stdout'));
  child.stderr.on('data', listen('stderr'));
  const ended = child.then((result) => ({
    killed: result.signal !== undefined,
    how: result.signal === undefined ? `exit code ${result.exitCode ?? 'unknown'}` : `killed by ${result.signal}`,
    said: said.trim().split('\n').at(-1) ?? '',
  }));
  const first = await Promise.race([heard, ended]);
  const { pid } = child;
  if ('how' in first || pid === undefined) {
    throw new AdapterError(errors.delveDidNotStart(path, 'said' in first ? first.said : ''));
  }
  return {
    pid,
    host: first.host,
    port: first.port,
    streams: { stdout: child.stdout, stderr: child.stderr },
    ended,
    kill: (signal) => {
      child.kill(signal);
    },
  };
};
