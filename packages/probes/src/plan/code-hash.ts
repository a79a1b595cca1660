/** What tells a program without a build id from another: all of its code, and where it is. */
import { createHash } from 'node:crypto';
import type { GoBinary } from '@probelens/gosym';

/** sha256, hexadecimal, over each function's address and code, in order of addresses. Undefined where there is a build id. */
export const codeHash = (binary: GoBinary): string | undefined => {
  const { go, gnu } = binary.buildIds;
  if ((go ?? '') !== '' || (gnu ?? '') !== '') return undefined;
  const hash = createHash('sha256');
  for (const fn of binary.functions()) hash.update(`${fn.entry}:`).update(binary.code(fn));
  return hash.digest('hex');
};
