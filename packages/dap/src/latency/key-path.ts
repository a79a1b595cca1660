/**
 * From a key to what it causes, through a real pseudo-terminal: `script` of util-linux holds its outer end. The key is
 * injected by that process's write system call, whose time the kernel tells.
 */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Arrivals } from './arrivals.js';
import { armCall } from './kernel-path.js';
import { LatencyError } from './latency-error.js';
import { now, within } from './patience.js';
import { endingOnFailure, type Sampler } from './sampler.js';

/** Keys are single bytes; what the program shows comes in longer pieces. */
const keyWritten = 'tracepoint:syscalls:sys_enter_write if count == 1 do log';
/**
 * Requests to the adapter: Node makes a child's streams of socket pairs, and the client writes to none but the adapter's
 * input. (Its output is a terminal that Node opened again, under a number of its own.)
 */
const requestWritten = (pid: number): string => {
  const sockets = readdirSync(`/proc/${pid}/fd`).filter((fd) =>
    readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:'),
  );
  if (sockets.length === 0) throw new LatencyError('The terminal client has no adapter; report this.');
  return `tracepoint:syscalls:sys_enter_write if ${sockets.map((fd) => `fd == ${fd}`).join(' || ')} do log`;
};

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** CSI sequences: colours and cursor. */
const sequences = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');

const open = (command: readonly string[], env: Readonly<Record<string, string>>) =>
  execa('script', ['-q', '-e', '-c', `exec ${command.map(quoted).join(' ')}`, '/dev/null'], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'ignore',
    buffer: false,
    reject: false,
    env: { TERM: 'xterm', NO_COLOR: '1', SHELL: '/bin/sh', ...env },
  });

export class Terminal {
  readonly #script: ReturnType<typeof open>;
  #shown = '';
  #changed: () => void = () => undefined;

  constructor(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#script = open(command, env);
    this.#script.stdout.on('data', (chunk: Buffer) => {
      this.#shown += chunk.toString('utf8').replaceAll(sequences, '');
      this.#changed();
    });
    this.#script.stdin.on('error', () => undefined);
  }

  /** Of `script`, which writes what is typed. */
  get pid(): number {
    const { pid } = this.#script;
    if (pid === undefined) throw new LatencyError('`script` cannot be started; install the package bsdutils.');
    return pid;
  }

  /** Of the program at the terminal. */
  get program(): number {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim().split(' ');
    return Number(children[0]);
  }

  type(text: string): void {
    this.#script.stdin.write(text);
  }

  /** Waits until what is shown matches; what has been shown up to then is forgotten. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#shown);
      if (found !== null) {
        this.#shown = this.#shown.slice(found.index + found[0].length);
        return found;
      }
      const change = new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
      await within(change, 'The terminal');
    }
  }

  /** The program sees its terminal go, and ends in order. */
  async close(): Promise<void> {
    this.#script.kill('SIGTERM');
    await this.#script;
  }
}

/** Says the time of CLOCK_MONOTONIC for each byte that it reads. */
const reader =
  'process.stdin.setRawMode(true);process.stdin.on("data",()=>{const t=process.hrtime.bigint();process.stdout.write("<"+t+">")});process.stdout.write("ready")';

/** The tracepoint's time of the write that injects a key, against the key's arrival at a program. */
export const keyToArrival = async (arrivals: Arrivals): Promise<Sampler> => {
  const terminal = new Terminal([process.execPath, '-e', reader]);
  const begin = async (): Promise<Sampler> => {
    await terminal.until(/ready/);
    const probe = await armCall(arrivals, keyWritten, terminal.pid);
    return {
      take: async () => {
        const written = arrivals.next(probe, now());
        terminal.type('k');
        const [{ event }, found] = await Promise.all([written, terminal.until(/<(\d+)>/)]);
        return BigInt(found[1] ?? '0') - BigInt(event.time);
      },
      end: async () => {
        await arrivals.agent.disarm(probe);
        await terminal.close();
      },
    };
  };
  return endingOnFailure(begin, () => terminal.close());
};

const prompt = /\(running\) $/;

/** `command` is `probelens debug` on a program that runs; the measured key is the Enter behind `timeline`. */
export const keyToRequest = async (arrivals: Arrivals, command: readonly string[]): Promise<Sampler> => {
  // The person's history stays theirs.
  const state = mkdtempSync(join(tmpdir(), 'probelens-latency-'));
  const terminal = new Terminal(command, { XDG_STATE_HOME: state });
  const close = async (): Promise<void> => {
    await terminal.close();
    rmSync(state, { recursive: true, force: true });
  };
  const begin = async (): Promise<Sampler> => {
    await terminal.until(prompt);
    const key = await armCall(arrivals, keyWritten, terminal.pid);
    const request = await armCall(arrivals, requestWritten(terminal.program), terminal.program);
    return {
      take: async () => {
        terminal.type('timeline');
        await terminal.until(/timeline/);
        const pressing = now();
        terminal.type('\r');
        const pressed = BigInt((await arrivals.next(key, pressing)).event.time);
        const asked = await arrivals.next(request, pressed);
        await terminal.until(prompt);
        return BigInt(asked.event.time) - pressed;
      },
      end: async () => {
        for (const probe of [key, request]) await arrivals.agent.disarm(probe);
        await close();
      },
    };
  };
  return endingOnFailure(begin, close);
};
