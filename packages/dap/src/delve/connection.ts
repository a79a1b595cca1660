/** The socket to Delve: one write per message, no delay, whole messages out. */
import { createConnection, type Socket } from 'node:net';
import { FrameDecoder, FrameError, readJson } from '@probelens/probes/framing';
import { asMessage, type Message } from '../core/message.js';
import { encode, largestMessage } from './framing.js';

export interface DelveConnection {
  readonly socket: Socket;
  send(message: Message): void;
  /** Ends our side; Delve ends the session when it reads that. */
  close(): void;
}

export interface DelveListener {
  readonly onMessage: (message: Message) => void;
  /** Once; `broken` says what was wrong with the bytes, if that was it. */
  readonly onClosed: (broken: string | undefined) => void;
}

/** Rejects with the system's error when nobody listens there, and when it is abandoned before somebody answers. */
export const connectDelve = async (host: string, port: number, abandoned: AbortSignal): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ host, port, noDelay: true });
    const giveUp = (): void => {
      socket.destroy(new Error('the session is ending'));
    };
    if (abandoned.aborted) giveUp();
    abandoned.addEventListener('abort', giveUp, { once: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      abandoned.removeEventListener('abort', giveUp);
      socket.off('error', reject);
      resolve(socket);
    });
  });

export const talkToDelve = (socket: Socket, listener: DelveListener): DelveConnection => {
  const frames = new FrameDecoder(largestMessage);
  let broken: string | undefined;
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const body of frames.push(chunk)) {
        const message = asMessage(readJson(body));
        if (message !== undefined) listener.onMessage(message);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      broken = error.message;
      socket.destroy();
    }
  });
  // Its end follows.
  socket.on('error', () => undefined);
  socket.once('close', () => listener.onClosed(broken));
  return {
    socket,
    send: (message) => {
      if (!socket.destroyed && socket.writable) socket.write(encode(message));
    },
    close: () => socket.end(),
  };
};
