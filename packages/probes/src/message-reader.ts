/** How both ends of the agent's protocol read: vscode-jsonrpc's framing, without what outlives the other end. */
import type { Readable } from 'node:stream';
import { StreamMessageReader } from 'vscode-jsonrpc/node';

/**
 * The library's timer for half a message starts itself again for ever, also after the end of the stream: the agent of a
 * killed client, and the client of a killed agent, would never exit.
 */
export const messageReader = (stream: Readable): StreamMessageReader => {
  const reader = new StreamMessageReader(stream);
  reader.partialMessageTimeout = 0;
  return reader;
};
