/** union bpf_attr as data: include/uapi/linux/bpf.h, Linux 6.18. Fields that a shorter one lacks read as 0. */
import { attachTypeNames, flagNames, mapTypeNames, nameOf, programFlagNames, programTypeNames } from '@probelens/bpf';
import type { BpfAttachCall, BpfLinkCall, BpfLoad, BpfMapCall } from '../../bpf-load/call.js';
import { commands } from './layout.js';
import type { SeenCall } from './records.js';

/** Of BPF_PROG_LOAD; the agent's loading again needs the places, too. */
export interface LoadAttributes {
  readonly type: number;
  readonly count: number;
  readonly logLevel: number;
  readonly logSize: number;
  readonly flags: number;
  readonly name: string;
  readonly attachType: number;
  readonly btf: number;
  readonly functions: { readonly recordBytes: number; readonly at: bigint; readonly count: number };
  readonly lines: { readonly recordBytes: number; readonly at: bigint; readonly count: number };
  readonly attachBtf: number;
  readonly attachTo: number;
}

const nameAt = (view: DataView, offset: number): string => {
  const bytes = Buffer.from(view.buffer, view.byteOffset + offset, 16);
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? 16 : end);
};

export const loadAttributes = (view: DataView): LoadAttributes => {
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const u64 = (offset: number): bigint => view.getBigUint64(offset, true);
  return {
    type: u32(0),
    count: u32(4),
    logLevel: u32(24),
    logSize: u32(28),
    flags: u32(44),
    name: nameAt(view, 48),
    attachType: u32(68),
    btf: u32(72),
    functions: { recordBytes: u32(76), at: u64(80), count: u32(88) },
    lines: { recordBytes: u32(92), at: u64(96), count: u32(104) },
    attachBtf: u32(108),
    attachTo: u32(112),
  };
};

/** 0 is a kind of attachment for these only; for all others it means none. */
const attachesAtZero: ReadonlySet<string> = new Set(['cgroup_skb']);

type AskedLoad = Omit<BpfLoad, 'attributes' | 'comm' | 'errno' | 'error' | 'fd' | 'loaded' | 'code' | 'log' | 'notes'>;

export const askedLoad = (view: DataView, license: string): AskedLoad => {
  const asked = loadAttributes(view);
  const type = nameOf(programTypeNames, asked.type);
  const attaches = asked.attachType !== 0 || attachesAtZero.has(type);
  return {
    kind: 'load',
    type,
    ...(attaches ? { attachType: nameOf(attachTypeNames, asked.attachType) } : {}),
    name: asked.name,
    instructions: asked.count,
    license,
    flags: flagNames(programFlagNames, asked.flags),
    btf: asked.btf !== 0,
    functions: asked.functions.count,
    lines: asked.lines.count,
    logLevel: asked.logLevel,
    logSize: asked.logSize,
  };
};

type AskedMap = Omit<BpfMapCall, 'comm' | 'errno' | 'error' | 'fd' | 'id'>;

export const askedMap = (view: DataView): AskedMap => ({
  kind: 'map',
  type: nameOf(mapTypeNames, view.getUint32(0, true)),
  name: nameAt(view, 28),
  keySize: view.getUint32(4, true),
  valueSize: view.getUint32(8, true),
  maxEntries: view.getUint32(12, true),
  flags: view.getUint32(16, true),
});

type AskedLink = Omit<BpfLinkCall, 'comm' | 'errno' | 'error' | 'fd' | 'id' | 'type'>;

/** Programs on interfaces name them by index, all others their target by descriptor. */
const targetText = (number: number): string => `${number}`;

export const askedLink = (seen: SeenCall, view: DataView): AskedLink => {
  const program = seen.program === 0 ? {} : { program: seen.program };
  switch (seen.command) {
    case commands.rawTracepoint:
      return { kind: 'link', call: 'raw-tracepoint', ...program, ...(seen.name === '' ? {} : { target: seen.name }) };
    case commands.linkUpdate:
      return { kind: 'link', call: 'update', ...program, target: `link descriptor ${view.getUint32(0, true)}` };
    case commands.linkDetach:
      return { kind: 'link', call: 'detach', target: `link descriptor ${view.getUint32(0, true)}` };
    default:
      return {
        kind: 'link',
        call: 'create',
        ...program,
        attachType: nameOf(attachTypeNames, view.getUint32(8, true)),
        target: targetText(view.getUint32(4, true)),
      };
  }
};

type AskedAttach = Omit<BpfAttachCall, 'comm' | 'errno' | 'error' | 'fd'>;

export const askedAttach = (seen: SeenCall, view: DataView): AskedAttach => ({
  kind: 'attach',
  call: seen.command === commands.detach ? 'detach' : 'attach',
  ...(seen.program === 0 ? {} : { program: seen.program }),
  attachType: nameOf(attachTypeNames, view.getUint32(8, true)),
  target: targetText(view.getUint32(0, true)),
});
