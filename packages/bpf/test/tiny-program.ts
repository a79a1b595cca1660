/**
 * A target for probes that needs no compiler: a static x86-64 ELF file written byte by byte, so every offset is known.
 * It reads bytes from stdin; for each it calls every one of its functions `rounds` times and echoes the byte; at the
 * end of input it exits with 0.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const base = 0x400000;
const codeStart = 0x80;
const functionBytes = 16;

export interface TinyProgram {
  readonly path: string;
  /** File offset of each function's first instruction, `push %rbp`. */
  readonly offsets: readonly number[];
  /** Its address in the process: the program is not relocated. */
  readonly addresses: readonly bigint[];
  readonly rounds: number;
  remove(): void;
}

/** @param inThread does all of it in a second thread, while the first waits. */
export function writeTinyProgram({ functions = 1, rounds = 1000, inThread = false } = {}): TinyProgram {
  const directory = mkdtempSync(join(tmpdir(), 'probelens-bpf-'));
  const path = join(directory, 'tiny');
  const { file, offsets } = image(functions, rounds, inThread ? startThread : []);
  writeFileSync(path, file);
  chmodSync(path, 0o755);
  return {
    path,
    offsets,
    addresses: offsets.map((offset) => BigInt(base + offset)),
    rounds,
    remove: () => rmSync(directory, { recursive: true }),
  };
}

/** CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM. */
const threadFlags = [0x00, 0x0f, 0x05, 0x00];

/** clone(flags, rsp-0x8000, 0, 0, 0); the child goes on behind this, the parent pauses for ever. */
const startThread: readonly number[] = [
  ...[0xb8, 56, 0, 0, 0, 0xbf, ...threadFlags, 0x48, 0x8d, 0xb4, 0x24, 0x00, 0x80, 0xff, 0xff],
  ...[0x31, 0xd2, 0x4d, 0x31, 0xd2, 0x45, 0x31, 0xc0, 0x0f, 0x05, 0x85, 0xc0, 0x74, 0x09],
  ...[0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7],
];

function image(
  functions: number,
  rounds: number,
  start: readonly number[],
): { file: Buffer; offsets: readonly number[] } {
  const callBytes = 5;
  const body = functions * callBytes;
  // read(0, rsp-64, 1); leave unless it gave 1; ebx = rounds
  const read = [0x31, 0xc0, 0x31, 0xff, 0x48, 0x8d, 0x74, 0x24, 0xc0, 0xba, 1, 0, 0, 0, 0x0f, 0x05, 0x83, 0xf8, 1];
  const setRounds = [0xbb, ...int32(rounds)];
  const loopEnd = [0xff, 0xcb, 0x0f, 0x85, ...int32(-(body + 8))];
  // write(1, rsp-64, 1)
  const write = [0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0x48, 0x8d, 0x74, 0x24, 0xc0, 0xba, 1, 0, 0, 0, 0x0f, 0x05];
  // exit_group(0)
  const exit = [0xb8, 231, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
  const jumpBytes = 5;
  const between = setRounds.length + body + loopEnd.length + write.length + jumpBytes;
  const leave = [0x0f, 0x85, ...int32(between)];
  const toStart = [0xe9, ...int32(-(read.length + leave.length + between))];
  const callsStart = codeStart + start.length + read.length + leave.length + setRounds.length;
  const end = callsStart + body + loopEnd.length + write.length + jumpBytes + exit.length;
  const first = Math.ceil(end / functionBytes) * functionBytes;
  const offsets = Array.from({ length: functions }, (_, index) => first + index * functionBytes);
  const calls = offsets.flatMap((offset, index) => [0xe8, ...int32(offset - (callsStart + (index + 1) * callBytes))]);
  const file = Buffer.alloc(first + functions * functionBytes, 0xcc);
  header(file);
  Buffer.from([...start, ...read, ...leave, ...setRounds, ...calls, ...loopEnd, ...write, ...toStart, ...exit]).copy(
    file,
    codeStart,
  );
  // push %rbp; mov %rsp,%rbp; pop %rbp; ret
  for (const offset of offsets) Buffer.from([0x55, 0x48, 0x89, 0xe5, 0x5d, 0xc3]).copy(file, offset);
  return { file, offsets };
}

const int32 = (value: number): readonly number[] => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return [...bytes];
};

/** ELF header and one readable, executable segment that is the whole file. */
function header(file: Buffer): void {
  file.fill(0, 0, codeStart);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(base + codeStart), 24);
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(5, 68); // R X
  for (const [offset, value] of [
    [72, 0],
    [80, base],
    [88, base],
    [96, file.length],
    [104, file.length],
    [112, 0x1000],
  ] as const) {
    file.writeBigUInt64LE(BigInt(value), offset);
  }
}

/** A running tiny program. */
export class TinyProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<unknown[]>;

  constructor(program: TinyProgram) {
    this.#child = spawn(program.path);
    this.#exit = once(this.#child, 'exit');
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the tiny program did not start');
    return pid;
  }

  /** Lets it call its functions, and waits until it has. */
  async run(): Promise<void> {
    const echo = once(this.#child.stdout, 'data');
    this.#child.stdin.write('x');
    await Promise.race([
      echo,
      this.#exit.then(([code, signal]) => {
        throw new Error(`the tiny program ended: ${code} ${signal}`);
      }),
    ]);
  }

  /** Lets it exit by itself; its exit code. */
  async end(): Promise<number | null> {
    this.#child.stdin.end();
    await this.#exit;
    return this.#child.exitCode;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
