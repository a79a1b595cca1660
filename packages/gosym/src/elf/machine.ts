/** e_machine (ELF gABI and processor supplements) to Go's name of the architecture. */
import type { Machine } from '../api.js';
import { FormatError } from '../errors.js';
import type { ElfHeader } from './raw.js';

interface Entry {
  readonly little?: Machine;
  readonly big?: Machine;
  /** R_*_RELATIVE of this machine for tables with addends (RELA); undefined where it uses REL. */
  readonly relative?: number;
}

/** Key: e_machine * 100 + bits. */
const MACHINES: Readonly<Record<number, Entry>> = {
  332: { little: '386' },
  832: { little: 'mipsle', big: 'mips' },
  864: { little: 'mips64le', big: 'mips64' },
  2164: { little: 'ppc64le', big: 'ppc64', relative: 22 },
  2264: { big: 's390x', relative: 12 },
  4032: { little: 'arm' },
  6264: { little: 'amd64', relative: 8 },
  18364: { little: 'arm64', relative: 1027 },
  24364: { little: 'riscv64', relative: 3 },
  25864: { little: 'loong64', relative: 3 },
};

const entryOf = (header: ElfHeader): Entry | undefined => MACHINES[header.machine * 100 + header.bits];

export const machineOf = (header: ElfHeader): Machine => {
  const machine = entryOf(header)?.[header.order];
  if (machine !== undefined) return machine;
  throw new FormatError(
    'unsupported-machine',
    `no Go toolchain makes ${header.bits}-bit ${header.order}-endian programs for ELF machine ${header.machine}; name a program for an architecture of Go`,
    { offset: 18, expected: 'an architecture of Go', found: `${header.machine}` },
  );
};

/** R_*_RELATIVE, undefined where the machine keeps addends in place. */
export const relativeRelocation = (header: ElfHeader): number | undefined => entryOf(header)?.relative;
