/** What a new agent does for a client whose last one was killed. Types only, as protocol.ts. */
import { RequestType } from 'vscode-jsonrpc';
import type { AgentErrorData } from './protocol.js';

export interface MendParams {
  readonly pid: number;
  /** File offsets of the program that the process runs. */
  readonly offsets: readonly number[];
}

/**
 * Takes out the breakpoints that a killed agent has left at these places (leaked-breakpoints.ts). A debugger must have none
 * there, or it loses them. True when the code is the file's again at all of them, or the process is gone.
 */
export const MendRequest = new RequestType<MendParams, boolean, AgentErrorData>('agent/mend');
