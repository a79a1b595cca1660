/** Who is at the other end of a loopback connection: the same check as Delve's --only-same-user. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** /proc/net/tcp writes each 32-bit word of an address in the machine's order; x86-64 and arm64 are little-endian. */
const procAddress = (address: string, port: number): readonly string[] => {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const v4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (v4 !== null) {
    const hex = [v4[4], v4[3], v4[2], v4[1]]
      .map((part) => Number(part).toString(16).toUpperCase().padStart(2, '0'))
      .join('');
    return [`${hex}:${hexPort}`, `0000000000000000FFFF0000${hex}:${hexPort}`];
  }
  return address === '::1' ? [`00000000000000000000000001000000:${hexPort}`] : [];
};

const tables = ['/proc/net/tcp', '/proc/net/tcp6'];

/** User id of the process behind the peer's socket; undefined where the system does not say. */
const userOfPeer = (socket: Socket): number | undefined => {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  if (localAddress === undefined || localPort === undefined) return undefined;
  const theirs = procAddress(remoteAddress, remotePort);
  const ours = procAddress(localAddress, localPort);
  for (const table of tables) {
    for (const line of readTable(table)) {
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid
      const fields = line.trim().split(/\s+/);
      const [, local, remote] = fields;
      if (local === undefined || remote === undefined) continue;
      if (theirs.includes(local) && ours.includes(remote)) return Number(fields[7]);
    }
  }
  return undefined;
};

const readTable = (path: string): readonly string[] => {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(1);
  } catch (error) {
    // No IPv6, or not Linux.
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
};

const isLoopback = (address: string | undefined): boolean =>
  address !== undefined && (address === '::1' || /^(::ffff:)?127\./.test(address));

/**
 * Loopback peers must be this process's user (or root, who may do everything anyway). A peer from elsewhere is there
 * because somebody asked for another address than loopback; nothing can be told about its user.
 */
export const isSameUser = (socket: Socket): boolean => {
  if (!isLoopback(socket.remoteAddress) || process.getuid === undefined) return true;
  const user = userOfPeer(socket);
  return user === undefined ? process.platform !== 'linux' : user === process.getuid() || user === 0;
};
