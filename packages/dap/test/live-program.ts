/** A program that runs before the debugger comes and must run after it: started here, asked for its verdict at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { owned } from './belongings.js';

export class LiveProgram {
  readonly child: ChildProcess;
  readonly path: string;
  #output = '';
  readonly #ready: Promise<void>;

  constructor(path: string, args: readonly string[]) {
    this.path = path;
    this.child = owned(spawn(path, args, { stdio: ['pipe', 'pipe', 'inherit'] }), 'SIGKILL');
    this.#ready = new Promise((resolve, reject) => {
      this.child.stdout?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
        if (this.#output.includes('ready')) resolve();
      });
      this.child.once('exit', () => reject(new Error(`${path} ended before it was ready`)));
    });
  }

  static async start(path: string, args: readonly string[]): Promise<LiveProgram> {
    const program = new LiveProgram(path, args);
    await program.#ready;
    return program;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** "R", "S", "t" (traced, stopped), "T" (stopped), or undefined when it is gone. */
  get state(): string | undefined {
    try {
      return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  get tracer(): number {
    return Number(/^TracerPid:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]);
  }

  /** Lets it end by itself; its last line says whether every result was right. */
  async verdict(): Promise<string> {
    const exited = this.alive ? once(this.child, 'close') : Promise.resolve();
    this.child.stdin?.end();
    await exited;
    return `${this.#output.trim().split('\n').at(-1)} code ${this.child.exitCode} signal ${this.child.signalCode}`;
  }

  /** Whether `length` bytes at `address` are in memory what they are in the file at `offset`. */
  textIsWhole(address: number, offset: number, length: number): boolean {
    const read = (path: string, position: number): Buffer => {
      const file = openSync(path, 'r');
      try {
        const bytes = Buffer.alloc(length);
        readSync(file, bytes, 0, length, position);
        return bytes;
      } finally {
        closeSync(file);
      }
    };
    return read(`/proc/${this.pid}/mem`, address).equals(read(this.path, offset));
  }
}

const readProc = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // The process ended while we looked.
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
};

export const commandOf = (pid: number): string => readProc(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();

export const childrenOf = (parent: number): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => new RegExp(`^PPid:\\s+${parent}$`, 'm').test(readProc(`/proc/${pid}/status`)));
