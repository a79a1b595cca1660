/** What the verifier's log says, for people. */
export interface VerifierSummary {
  /** One sentence: at which instruction, why. */
  readonly message: string;
  /** Index of the refused instruction (8-byte slot), undefined if the program as a whole was refused. */
  readonly slot: number | undefined;
  /** The instruction as the verifier printed it. */
  readonly instruction: string | undefined;
  /** The verifier's own reason. */
  readonly reason: string;
  /** Register name -> what the verifier knew of it before the instruction. */
  readonly state: ReadonlyMap<string, string>;
  /** The last lines of the log. */
  readonly tail: readonly string[];
}

export function summarizeVerifierLog(log: string): VerifierSummary {
  const tail = log.trimEnd().split('\n').slice(-20);
  const reason = tail.at(-2) ?? '';
  return { message: reason, slot: undefined, instruction: undefined, reason, state: new Map(), tail };
}
