import { statSync } from 'node:fs';
import { admitProcess, askingUser } from './admission.js';
import { mendText } from './leaked-breakpoints.js';
import type { MendParams } from './mend-protocol.js';
import * as refusal from './refusal.js';
import { validTarget } from './valid-target.js';

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** See MendRequest. Throws `Refused`. */
export const mend = ({ pid, offsets }: MendParams): boolean => {
  const target = admitProcess(validTarget({ pid, tracer: undefined }).pid, askingUser());
  if (!Array.isArray(offsets) || !offsets.every((offset) => Number.isSafeInteger(offset) && offset >= 0))
    throw refusal.badPlan('it names no places to mend');
  try {
    const { dev, ino } = statSync(`/proc/${pid}/exe`, { bigint: true });
    return mendText(target, { device: String(dev), inode: String(ino), offsets });
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return true;
    if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') throw refusal.hiddenProcess(pid);
    throw error;
  }
};
