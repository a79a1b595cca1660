/** Where an expression is computed: the program so far, and what it can reach. */
import type { Assembler } from '@probelens/bpf';
import type { LoweredExpression } from '../plan/expression.js';
import type { ProgramMachine } from './registers.js';

export interface Evaluation {
  readonly assembler: Assembler;
  readonly machine: ProgramMachine;
  /** The program may sleep, so a page that is not resident is fetched. */
  readonly sleepable: boolean;
  readonly goidOffset: number | undefined;
  /** Label to go to when the expression cannot be computed. */
  readonly fault: string;
  /** In a program at an event of the kernel, where there are no registers: a "register" is a field of the event. */
  readonly event?: EventReads | undefined;
  /** At an event of the kernel: where in the frame the address of the current g is, the one register that is known. */
  readonly goroutineAt?: number;
}

/** How a program reads the fields of its event by name. r6 = the context. */
export interface EventReads {
  /** r8 = the number; of a text its address (which nothing reads through), or its length. Throws ProgramError. */
  readonly emitField: (to: Evaluation, name: string) => void;
  /** The scratch area = the text with its NUL, r8 = bytes before that. Throws ProgramError for what is no text. */
  readonly emitText: (to: Evaluation, name: string) => void;
}

/** Computes one operand: its value is in r8 then, and the numbered stack slots from `depth` on are free to use. */
export type EmitOperand = (value: LoweredExpression, depth: number) => void;
