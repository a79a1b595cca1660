/** Why a line has no code, and which file or line may have been meant. */
import type { GoBinary } from '@probelens/gosym';
import { Refused } from './refused.js';

/** How many files a message names. */
const candidates = 4;

/** Lines that are looked at before and behind one without code. */
const reach = 12;

/** As much of a path as tells files apart that a person knows: its last two elements. */
const shortPath = (path: string): string => path.split('/').slice(-2).join('/');

const nearestLines = (binary: GoBinary, file: string, line: number): readonly number[] => {
  const hasCode = (each: number): boolean => binary.addressesOf(file, each).some(({ host }) => !host.generated);
  const steps = Array.from({ length: reach }, (_, index) => index + 1);
  const before = steps.find((step) => line > step && hasCode(line - step));
  const behind = steps.find((step) => hasCode(line + step));
  return [...(before === undefined ? [] : [line - before]), ...(behind === undefined ? [] : [line + behind])];
};

/** For a line that no instruction of the program stands for. */
export const noCode = (binary: GoBinary, file: string, line: number): Refused => {
  const there = `There is no code for ${file}:${line} in this program`;
  if (binary.filesCalled(file).length > 0) {
    const near = nearestLines(binary, file, line);
    const advice =
      near.length === 0
        ? 'choose a line with a statement'
        : `choose a line with a statement: the nearest ${near.length === 1 ? 'is' : 'are'} ${near.join(' and ')}`;
    return new Refused('no-code', `${there}; ${advice}.`);
  }
  const similar = [...new Set(binary.similarFiles(file, candidates).map(shortPath))];
  const why = 'it has no file of that name with code';
  const advice =
    similar.length > 0 ? `did you mean ${similar.join(', ')}?` : 'list what it has with: probelens functions BINARY.';
  return new Refused('no-code', `${there}: ${why}; ${advice}`);
};
