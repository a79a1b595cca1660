/** Names of what a dumped program calls: the kernel tells only how far it is from __bpf_call_base. */
import { readFileSync } from 'node:fs';

let names: ReadonlyMap<number, string> | undefined;

/** /proc/kallsyms has addresses only for those who may see them (kernel.kptr_restrict), else zeros. */
const readNames = (): ReadonlyMap<number, string> => {
  const found = new Map<number, string>();
  const symbols = readFileSync('/proc/kallsyms', 'latin1');
  const base = /^([0-9a-f]+) \w __bpf_call_base$/m.exec(symbols)?.[1];
  if (base === undefined || /^0+$/.test(base)) return found;
  const from = BigInt(`0x${base}`);
  for (const [, address, name] of symbols.matchAll(/^([0-9a-f]+) [tT] ((?:bpf_|__bpf_|htab_|array_|__htab_)\w+)$/gm)) {
    if (address === undefined || name === undefined) continue;
    const distance = BigInt(`0x${address}`) - from;
    // The instruction has room for a signed 32-bit distance.
    if (distance === BigInt.asIntN(32, distance)) found.set(Number(distance), name);
  }
  return found;
};

/** "call bpf_map_lookup_elem", undefined where the kernel does not show its addresses or has no such function. */
export const helperNameAt = (distance: number): string | undefined => {
  names ??= readNames();
  const name = names.get(distance);
  return name === undefined ? undefined : `call ${name}`;
};
