/** Callers as they lay in a process, put to where they are in the program's file. */
import { constants } from 'node:os';
import { type RecordedStack, smallestPage } from '../program/record.js';
import type { ProgramCode } from './protocol.js';

export interface LinkedStack {
  readonly stack: readonly string[];
  readonly stackTop?: string;
  readonly stackMissing?: string;
}

export const linkedBy =
  (bias: bigint) =>
  (address: bigint): string =>
    `0x${BigInt.asUintN(64, address - bias).toString(16)}`;

/** Undefined: something else was loaded there. */
const biasOf = ({ end, fixed }: ProgramCode, loaded: bigint): bigint | undefined => {
  const bias = loaded - BigInt(end);
  return (fixed ? bias === 0n : bias % BigInt(smallestPage) === 0n) ? bias : undefined;
};

/** Callers at an event of the kernel, as linked. `loaded`: where the code ends in this process. */
export const roamingStack = (
  code: ProgramCode,
  loaded: bigint,
  { addresses, top, errno }: RecordedStack,
): LinkedStack => {
  if (loaded === 0n && errno !== constants.errno.ESRCH)
    return { stack: [], stackMissing: 'the thread had given its memory back' };
  if (addresses.length === 0) return { stack: [], stackMissing: withoutStack(errno) };
  const bias = biasOf(code, loaded);
  if (bias === undefined) return { stack: [], stackMissing: 'the process did not run the program then' };
  // What lies elsewhere (C libraries, the vDSO) keeps the address that it has in the process.
  const inProgram = linkedBy(bias);
  const linked = (address: bigint): string =>
    address >= bias && address < loaded ? inProgram(address) : `0x${address.toString(16)}`;
  // C code has no frame pointers: what is found behind it ends somewhere.
  const end = addresses.indexOf(0n);
  const stack = (end < 0 ? addresses : addresses.slice(0, end)).map(linked);
  return { stack, ...(top === 0n ? {} : { stackTop: linked(top) }) };
};

export const withoutStack = (errno: number): string =>
  errno === constants.errno.ESRCH
    ? 'the thread did not run then, and only who runs has a stack to read'
    : `the kernel gave none (errno ${errno})`;
