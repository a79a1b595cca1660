/** The socket to Delve: one write per message, no delay, whole messages out. */
import { createConnection, type Socket } from 'node:net';
import type { Message } from '../core/message.js';
import { Decoder, encode } from './framing.js';

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
  const decoder = new Decoder();
  let broken: string | undefined;
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const message of decoder.push(chunk)) listener.onMessage(message);
    } catch (error) {
      broken = error instanceof Error ? error.message : String(error);
      socket.destroy();
    }
  });
  socket.on('error', (error) => {
    broken ??= error.message;
  });
  socket.once('close', () => listener.onClosed(broken));
  return {
    socket,
    send: (message) => {
      if (!socket.destroyed && socket.writable) socket.write(encode(message));
    },
    close: () => socket.end(),
  };
};
