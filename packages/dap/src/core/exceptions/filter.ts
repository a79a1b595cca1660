/** A row of the table of exception filters (filters.ts). */
import type { CapturedValue, ProbeEvent } from '@probelens/probes';

/** One event of the kernel, in the language of probes. */
export interface FilterSource {
  readonly text: string;
  /** Field with the process that the event is about, where others cause it. */
  readonly subject: string | undefined;
  /** A place that not every program has: nothing is said where it is missing. */
  readonly optional?: boolean;
  /** Functions without their packages: the text is meant for each of them, in every package that has it. */
  readonly named?: readonly string[];
}

/** What an event means to the person. */
export interface Told {
  /** `exceptionId` of the answer to exceptionInfo. */
  readonly id: string;
  /** One sentence. */
  readonly description: string;
  /** The program lives and can be stopped; else it is about to end, and the sentence is all that can be had. */
  readonly stops: boolean;
}

export interface ExceptionFilter {
  readonly filter: string;
  readonly label: string;
  readonly description: string;
  readonly sources: readonly FilterSource[];
  /** Undefined: nothing that anybody asked for. */
  readonly tell: (event: ProbeEvent) => Told | undefined;
  /** Of a source that is a place in the program, by what was captured there, and in which function. */
  readonly place?: Told | ((values: readonly CapturedValue[], functionName: string) => Told);
  /** Not armed beside Delve, which stops there by itself. */
  readonly withoutDelve?: boolean;
  /** For the session's own use. */
  readonly hidden?: boolean;
}
