/** The stored programs of fixtures/binaries and what Go's own packages say of them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { MemorySource } from '../src/elf/source.js';
import type { OpenedGoBinary } from '../src/go-binary.js';
import { openSource } from '../src/open.js';

export interface StoredBinary {
  readonly name: string;
  readonly go: string;
  readonly arch: string;
  readonly flags: readonly string[];
  readonly cgo: boolean;
  readonly stripped: boolean;
  /** False where the machine code was overwritten with zeros to keep the file small. */
  readonly code: boolean;
  /** Address of the symbol runtime.text before stripping, hexadecimal; null where the release has no such symbol. */
  readonly text: string | null;
  readonly sha256: string;
}

/** One function by debug/gosym, debug/elf and debug/dwarf (fixtures/truth/main.go says what each column is). */
export interface TrueFunction {
  readonly name: string;
  readonly entry: number;
  readonly end: number;
  /** st_size; undefined where the program had no symbol. */
  readonly size: number | undefined;
  /** DW_AT_decl_line. */
  readonly declared: number | undefined;
  /** At the entry, at one and at two thirds of the way to the next function. */
  readonly positions: readonly { readonly address: number; readonly file: string; readonly line: number }[];
}

const folder = new URL('../../../fixtures/binaries/', import.meta.url);

const stored = (name: string): Buffer => brotliDecompressSync(readFileSync(new URL(name, folder)));

export const storedBinaries: readonly StoredBinary[] = JSON.parse(
  readFileSync(new URL('manifest.json', folder), 'utf8'),
);

export const storedBinary = (name: string): StoredBinary => {
  const found = storedBinaries.find((binary) => binary.name === name);
  if (found === undefined) throw new Error(`fixtures/binaries has no ${name}; run make.mjs there`);
  return found;
};

/** Programs made by other tools (foreign.json says how). */
export const foreignBinary = (name: string): Pick<StoredBinary, 'name' | 'sha256'> => {
  const all: Pick<StoredBinary, 'name' | 'sha256'>[] = JSON.parse(
    readFileSync(new URL('foreign.json', folder), 'utf8'),
  );
  const found = all.find((binary) => binary.name === name);
  if (found === undefined) throw new Error(`fixtures/binaries/foreign.json has no ${name}`);
  return found;
};

export const bytesOf = ({ name, sha256 }: Pick<StoredBinary, 'name' | 'sha256'>): Buffer => {
  const bytes = stored(`${name}.br`);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== sha256) throw new Error(`${name} has sha256 ${found}, the manifest says ${sha256}`);
  return bytes;
};

export const openBytes = (bytes: Uint8Array, name = 'memory'): OpenedGoBinary =>
  openSource(new MemorySource(bytes), name);

export const openStored = (name: string): OpenedGoBinary => openBytes(bytesOf(storedBinary(name)), name);

const number = (text: string | undefined, base: number): number => Number.parseInt(text ?? '', base);

export const truthOf = (name: string): TrueFunction[] =>
  stored(`${name}.truth.br`)
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [fn = '', entryText, endText, size, declared, ...positions] = line.split('\t');
      const entry = number(entryText, 16);
      const end = number(endText, 16);
      return {
        name: fn,
        entry,
        end,
        size: size === '-' ? undefined : number(size, 10),
        declared: declared === '-' ? undefined : number(declared, 10),
        positions: [0, 1, 2].map((third) => ({
          address: entry + Math.floor((end - entry) / 3) * third,
          file: positions[third * 2] ?? '',
          line: number(positions[third * 2 + 1], 10),
        })),
      };
    });

/** What LLVM's addr2line says of addresses: function and file:line in turn, innermost first. */
export const chainsOf = (name: string): { readonly address: number; readonly lines: string[] }[] => {
  const chains: { address: number; lines: string[] }[] = [];
  for (const line of stored(`${name}.chains.br`).toString('utf8').trimEnd().split('\n')) {
    if (/^0x[0-9a-f]+$/.test(line)) chains.push({ address: number(line.slice(2), 16), lines: [] });
    else chains.at(-1)?.lines.push(line);
  }
  return chains;
};

/** An inlined subroutine of DWARF. */
export interface TrueCopy {
  readonly callee: string;
  readonly host: string;
  readonly line: number;
  readonly ranges: readonly (readonly [number, number])[];
}

export const copiesOf = (name: string): TrueCopy[] =>
  stored(`${name}.copies.br`)
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map((text) => {
      const [callee = '', host = '', line, ...ranges] = text.split('\t');
      const pairs = ranges.map((range) => range.split('-').map((end) => number(end, 16)));
      return { callee, host, line: number(line, 10), ranges: pairs.map(([from = 0, to = 0]) => [from, to] as const) };
    });
