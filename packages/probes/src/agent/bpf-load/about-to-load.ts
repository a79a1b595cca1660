/** What stands before the system call: a program that somebody is about to load. */
import type { BpfLoad } from '../../bpf-load/call.js';
import type { DescribeLoadParams } from '../protocol.js';
import * as refusal from '../refusal.js';
import { askedLoad, loadAttributes } from './attributes.js';
import { attributeBytes, chunkBytes, instructionChunks, licenseBytes } from './layout.js';
import { codeOf } from './observed.js';
import { memoryOf, textOf } from './process-memory.js';
import { verified } from './reload.js';

const slotBytes = 8;
const [instructionsAt, licenseAt] = [8, 16];

/** Throws `Refused` for an address that is none. */
const addressOf = (text: unknown): bigint => {
  if (typeof text !== 'string' || !/^0x[0-9a-f]{1,16}$/i.test(text)) throw refusal.badPlan('it names no address');
  return BigInt(text);
};

/** Undefined where the process has no attributes there. */
export const aboutToLoad = (pid: number, { pointer, size, verify }: DescribeLoadParams): BpfLoad | undefined => {
  const address = addressOf(pointer);
  const length = Math.min(Math.max(0, Math.trunc(Number(size) || 0)), attributeBytes);
  const found = memoryOf(pid, address, length);
  if (found === undefined || length < licenseAt + 8) return undefined;
  const bytes = new Uint8Array(attributeBytes);
  bytes.set(found);
  const view = new DataView(bytes.buffer);
  const slots = loadAttributes(view).count;
  const taken = Math.min(slots * slotBytes, instructionChunks * chunkBytes);
  const code = memoryOf(pid, view.getBigUint64(instructionsAt, true), taken) ?? new Uint8Array(0);
  const license = textOf(pid, view.getBigUint64(licenseAt, true), licenseBytes);
  const notes = code.length < taken ? ['The instructions could not be read.'] : [];
  const load: BpfLoad = { ...askedLoad(view, license), errno: 0, code: codeOf(code, 'caller', slots), notes };
  return verify === true ? verified({ pid, view, size: length, code, license }, load) : load;
};
