import type { Readable, Writable } from 'node:stream';

export interface AgentStreams {
  readonly input: Readable;
  readonly output: Writable;
}

/** Serves one client until its input ends; resolves with the exit code after everything is disarmed. */
export const runAgent = async (_streams: AgentStreams): Promise<number> => {
  throw new Error('not yet');
};
