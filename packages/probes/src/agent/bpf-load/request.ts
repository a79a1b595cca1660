/** What the programs at the system call are built from, and the words that the exit's program keeps. */
import type { BpfMap } from '@probelens/bpf';
import type { BpfWhat } from '../../bpf-load/call.js';
import type { LoweredExpression } from '../../plan/expression.js';
import { frame } from '../../program/frame.js';
import type { ProgramMachine } from '../../program/registers.js';
import type { ProgramMaps } from '../../program/request.js';
import type { SourceRuntime } from '../protocol.js';
import type { CallerPlaces, MemoryPlaces } from '../source-stack.js';
import type { KernelObjects } from './objects.js';

export interface BpfProgramRequest {
  readonly probe: number;
  readonly what: BpfWhat;
  /** Commands of the system call that are of interest. */
  readonly commands: readonly number[];
  /** Undefined: every process but `self`. */
  readonly target: number | undefined;
  /** Thread-group id of the agent. */
  readonly self: number;
  /** Every process of this user's; undefined: everybody's. */
  readonly user: number | undefined;
  readonly machine: ProgramMachine;
  readonly runtime: SourceRuntime | undefined;
  readonly threadPointer: number;
  readonly stop: 'none' | 'arm' | 'halt';
  /** Of a stop: which calls it is for. */
  readonly condition: LoweredExpression | undefined;
  readonly objects: KernelObjects;
  /** Undefined: nobody asks for them. */
  readonly callers: (CallerPlaces & MemoryPlaces) | undefined;
  readonly maps: ProgramMaps & { readonly calls: BpfMap };
}

/** The result at sys_exit: behind the common fields and the number of the system call. Bytes from the context. */
export const result = 16;

/** Below what expressions may use while a condition is judged (program/frame.ts, temporary). Bytes. */
const below = frame.scratch - 256;

/** Where the exit's program keeps its words. Bytes from r10. */
export const exitFrame = {
  flags: below - 8,
  object: below - 16,
  program: below - 24,
  position: below - 32,
  left: below - 40,
  tag: below - 48,
  /** Address of the remembered call. */
  remembered: below - 56,
  guesses: below - 72,
} as const;
