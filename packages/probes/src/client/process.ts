/** The agent's process as its client sees it: two streams, and one sentence about its end. */
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { processState } from '../agent/process-state.js';
import {
  type AgentFailure,
  agentEnded,
  agentEndedAtOnce,
  agentGarbled,
  agentNotFound,
  agentNotPrivileged,
} from './errors.js';

/** Enough for a sentence of sudo or a node warning. Characters. */
const STDERR_TAIL = 2_000;
/** Looking after a program whose debugger died takes the agent up to two seconds. */
const END_TIMEOUT_MS = 10_000;
/** Beyond the patience with one that does nothing. Milliseconds. */
const BUSY_TIMEOUT_MS = 45_000;
const BUSY_LOOK_MS = 100;
/** One at work sleeps for moments too: for a lock, for a pipe. Looks in a row that find it asleep. */
const IDLE_LOOKS = 5;

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

const howItEnded = (code: number | undefined, signal: string | undefined): string =>
  signal !== undefined ? `killed by ${signal}` : `exit code ${code ?? 'unknown'}`;

/** For whom sudo and pkexec work: whom an agent of root's asks for (agent/admission.ts). */
const withoutAsker = { SUDO_UID: undefined, PKEXEC_UID: undefined } as const;

const spawnAgent = (command: readonly string[], asRoot: boolean) => {
  const [file, ...args] = command;
  if (file === undefined || file === '') throw agentNotFound(['']);
  // Own session: a Ctrl-C in the terminal reaches the client, which then ends the agent in order.
  return execa(file, args, {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
    ...(asRoot && process.getuid?.() === 0 ? { env: withoutAsker } : {}),
  });
};

type Child = ReturnType<typeof spawnAgent>;

interface Ending {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly notFound: boolean;
  readonly cause: unknown;
}

const endingOf = async (child: Child): Promise<Ending> => {
  const result = await child;
  const notFound = result.exitCode === undefined && result.signal === undefined && child.pid === undefined;
  return { code: result.exitCode, signal: result.signal, notFound, cause: result.cause };
};

const startFailure = (command: readonly string[], ending: Ending, stderr: string): AgentFailure => {
  if (ending.notFound) return agentNotFound(command, ending.cause);
  const said = lastLine(stderr);
  if (command[0] === 'sudo' && /^sudo:/m.test(stderr)) return agentNotPrivileged(said.replace(/^sudo:\s*/, ''));
  return agentEndedAtOnce(command, howItEnded(ending.code, ending.signal), said);
};

export class AgentProcess {
  readonly pid: number | undefined;
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves when the process is gone, with what to say of it. */
  readonly ended: Promise<AgentFailure>;
  /** It has answered: an end from now on is no failure to start. */
  greeted = false;
  /** Resolves when it has said what is none of its protocol; it is being ended then. */
  readonly garbled: Promise<AgentFailure>;
  #garble: (failure: AgentFailure) => void = () => undefined;
  readonly #command: readonly string[];
  readonly #child: Child;
  #stderr = '';

  /** Throws `AgentFailure` for an empty command; one that does not exist shows in `ended`. */
  constructor(command: readonly string[], onLog: ((text: string) => void) | undefined, asRoot = false) {
    const child = spawnAgent(command, asRoot);
    this.#command = command;
    this.#child = child;
    let failure: AgentFailure | undefined;
    this.garbled = new Promise((resolve) => {
      this.#garble = (why) => {
        failure ??= why;
        resolve(why);
      };
    });
    this.pid = child.pid;
    this.input = child.stdin;
    this.output = child.stdout;
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
      onLog?.(text);
    });
    // The process may go while something is written to it; its ending says so, the stream's error adds nothing.
    child.stdin.on('error', () => undefined);
    this.ended = endingOf(child).then((ending) => {
      if (failure !== undefined) return failure;
      return this.greeted
        ? agentEnded(howItEnded(ending.code, ending.signal), lastLine(this.#stderr))
        : startFailure(command, ending, this.#stderr);
    });
  }

  /** Nothing that it says can be understood any more: it is told to end, so that its probes go in order. */
  giveUp(what: string): void {
    this.#garble(agentGarbled(this.#command, what));
    void this.end();
  }

  /**
   * Its order to disarm and end. One that does not is killed: the kernel takes the probes out then. One that is seen at
   * work is not, for a while: it may be taking out many probes, and what SIGKILL finds under way stays in the code (bpf,
   * link/close-together.ts).
   */
  async end(patienceMs = END_TIMEOUT_MS): Promise<void> {
    this.input.end();
    const latest = performance.now() + patienceMs + BUSY_TIMEOUT_MS;
    let idle = 0;
    const look = (): void => {
      idle = this.#isBusy() ? 0 : idle + 1;
      if (performance.now() < latest && idle < IDLE_LOOKS) timer = setTimeout(look, BUSY_LOOK_MS);
      else this.#child.kill('SIGKILL');
    };
    let timer = setTimeout(look, patienceMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** On a processor, or waiting for the kernel. Of one behind sudo or ssh only those are seen, which wait for it. */
  #isBusy(): boolean {
    const state = this.pid === undefined ? undefined : processState(this.pid)?.state;
    return state === 'R' || state === 'D';
  }

  /** For one that never answered: it has armed nothing. One that is stopped hears of nothing but SIGKILL. */
  abandon(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): void {
    this.#child.stdin.end();
    this.#child.kill(signal);
  }
}
