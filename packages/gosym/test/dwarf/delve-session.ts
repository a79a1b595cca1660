/** A program under `dlv exec --headless`, spoken to over its JSON-RPC (API version 2), for comparing what it prints. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface DelveVariable {
  readonly name: string;
  readonly type: string;
  readonly realType: string;
  readonly value: string;
  readonly unreadable: string;
  /** reflect.Kind; 24 is a string, 25 a struct. */
  readonly kind: number;
  readonly len: number;
  readonly addr: number;
  readonly base: number;
  readonly flags: number;
  readonly children: readonly DelveVariable[];
}

export interface Stop {
  readonly exited: boolean;
  readonly address: number;
  readonly file: string;
  readonly line: number;
  readonly function: string;
}

/** api.VariableShadowed, VariableArgument, VariableReturnArgument; service/api/types.go. */
export const SHADOWED = 2;
export const ARGUMENT = 8;
export const RESULT = 16;

const LOAD = { FollowPointers: true, MaxVariableRecurse: 2, MaxStringLen: 64, MaxArrayValues: 64, MaxStructFields: -1 };
const FRAME = { GoroutineID: -1, Frame: 0 };

interface State {
  readonly exited?: boolean;
  readonly currentThread?: {
    readonly pc: number;
    readonly file: string;
    readonly line: number;
    readonly function?: { readonly name: string };
    readonly ReturnValues?: readonly DelveVariable[];
  };
}

export class DelveSession {
  #nextId = 1;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();

  private constructor(
    private readonly process: ChildProcess,
    private readonly socket: Socket,
  ) {
    createInterface({ input: socket }).on('line', (line) => {
      const answer: { id: number; result?: unknown; error?: string | null } = JSON.parse(line);
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.result);
    });
  }

  static async start(delve: string, program: string, args: readonly string[]): Promise<DelveSession> {
    const flags = [
      '--headless',
      '--api-version=2',
      '--listen=127.0.0.1:0',
      '--allow-non-terminal-interactive=true',
      '--check-go-version=false',
    ];
    const child = spawn(delve, ['exec', ...flags, program, '--', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /listening at: .*:(\d+)/.exec(line)?.[1];
      if (port === undefined) continue;
      const socket = connect(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      child.stdout.resume();
      return new DelveSession(child, socket);
    }
    throw new Error('Delve ended before it listened');
  }

  call<T>(method: string, params: object): Promise<T> {
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.socket.write(JSON.stringify({ method: `RPCServer.${method}`, params: [params], id }));
    return answer as Promise<T>;
  }

  async breakAt(address: number): Promise<number> {
    const { Breakpoint } = await this.call<{ Breakpoint: { id: number } }>('CreateBreakpoint', {
      Breakpoint: { addr: address },
    });
    return Breakpoint.id;
  }

  async clear(breakpoint: number): Promise<void> {
    await this.call('ClearBreakpoint', { Id: breakpoint });
  }

  async resume(): Promise<Stop> {
    const { State } = await this.call<{ State: State }>('Command', { name: 'continue' });
    const thread = State.currentThread;
    return {
      exited: State.exited === true,
      address: thread?.pc ?? 0,
      file: thread?.file ?? '',
      line: thread?.line ?? 0,
      function: thread?.function?.name ?? '',
    };
  }

  /** Runs to the caller of the current function; what it returned, as Delve reads it there. */
  async stepOut(): Promise<readonly DelveVariable[]> {
    const { State } = await this.call<{ State: State }>('Command', { name: 'stepOut', ReturnInfoLoadConfig: LOAD });
    return State.currentThread?.ReturnValues ?? [];
  }

  /** Arguments, results and locals of the innermost frame. */
  async variables(): Promise<readonly DelveVariable[]> {
    const [{ Args }, { Variables }] = await Promise.all([
      this.call<{ Args: readonly DelveVariable[] | null }>('ListFunctionArgs', { Scope: FRAME, Cfg: LOAD }),
      this.call<{ Variables: readonly DelveVariable[] | null }>('ListLocalVars', { Scope: FRAME, Cfg: LOAD }),
    ]);
    return [...(Args ?? []), ...(Variables ?? [])];
  }

  /** Contents by lower-case name, low byte first; vector registers whole. */
  async registers(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { Regs } = await this.call<{ Regs: readonly { Name: string; Value: string }[] }>('ListRegisters', {
      IncludeFp: true,
      Scope: FRAME,
    });
    return new Map(Regs.map(({ Name, Value }) => [Name.toLowerCase(), littleEndian(Value)]));
  }

  async memory(address: number, size: number): Promise<Uint8Array> {
    const { Mem } = await this.call<{ Mem: string }>('ExamineMemory', { Address: address, Length: size });
    return Buffer.from(Mem, 'base64');
  }

  async end(): Promise<void> {
    const ended = once(this.process, 'exit');
    // Delve may close the connection before it answers.
    this.call('Detach', { Kill: true }).catch((error: unknown) => {
      if (!(error instanceof Error)) throw error;
    });
    await ended;
    this.socket.destroy();
  }
}

const littleEndian = (value: string): Uint8Array => {
  const digits = /0x([0-9a-f]+)/.exec(value)?.[1] ?? '';
  return Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex').reverse();
};
