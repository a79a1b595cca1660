/**
 * Which process of this machine is at the other end of a connection: a Delve that was only connected to. Not who listens
 * there, because a Delve for one client stops listening when it has one. Linux only.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isGone } from './target.js';

const isOurs = (host: string): boolean => {
  if (/^(?:::ffff:)?127\./.test(host) || host === '::1') return true;
  return Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === host) === true);
};

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // No IPv6, or not Linux.
    if (isGone(error)) return '';
    throw error;
  }
};

const portText = (port: number): string => `:${port.toString(16).toUpperCase().padStart(4, '0')}`;

const inodesBetween = (theirs: number, ours: number): ReadonlySet<string> => {
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => read(table).split('\n'));
  // sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
  const fields = rows.map((row) => row.trim().split(/\s+/));
  const found = fields.filter(
    ([, local = '', remote = '']) => local.endsWith(portText(theirs)) && remote.endsWith(portText(ours)),
  );
  return new Set(found.map((row) => `socket:[${row[9]}]`));
};

const linksOf = (pid: string): readonly string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch (error) {
        if (isGone(error)) return [];
        throw error;
      }
    });
  } catch (error) {
    // Somebody else's, or gone.
    if (isGone(error)) return [];
    throw error;
  }
};

/** Undefined: on another machine, of another user, or in another network namespace. */
export const peerProcess = (socket: Socket): number | undefined => {
  const { remoteAddress, remotePort, localPort } = socket;
  if (process.platform !== 'linux' || remotePort === undefined || localPort === undefined) return undefined;
  if (remoteAddress === undefined || !isOurs(remoteAddress)) return undefined;
  const inodes = inodesBetween(remotePort, localPort);
  if (inodes.size === 0) return undefined;
  const owner = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && linksOf(pid).some((link) => inodes.has(link)));
  return owner === undefined ? undefined : Number(owner);
};
