/** What conditions and templates of `bpf:` probes may name, and its value in one system call. */
import type { CapturedValue } from '../events.js';
import type { CaptureShape } from '../plan/plan.js';
import type { BpfCall, BpfWhat } from './call.js';
import { original } from './keywords.js';

export type FieldValue = string | number | boolean;

interface Field {
  readonly name: string;
  readonly kind: 'string' | 'int' | 'bool';
  readonly of: readonly BpfWhat[];
  readonly read: (call: BpfCall) => FieldValue;
}

const everywhere: readonly BpfWhat[] = ['load', 'map', 'link', 'attach'];

/** 0, "" and false stand for what a call does not have. */
const fields: readonly Field[] = [
  {
    name: 'type',
    kind: 'string',
    of: ['load', 'map', 'link'],
    read: (call) => ('type' in call ? (call.type ?? '') : ''),
  },
  { name: 'name', kind: 'string', of: ['load', 'map'], read: (call) => ('name' in call ? call.name : '') },
  { name: 'call', kind: 'string', of: ['link', 'attach'], read: (call) => ('call' in call ? call.call : call.kind) },
  {
    name: 'attach',
    kind: 'string',
    of: ['load', 'link', 'attach'],
    read: (call) => ('attachType' in call ? (call.attachType ?? '') : ''),
  },
  {
    name: 'target',
    kind: 'string',
    of: ['link', 'attach'],
    read: (call) => ('target' in call ? (call.target ?? '') : ''),
  },
  { name: 'insns', kind: 'int', of: ['load'], read: (call) => (call.kind === 'load' ? call.instructions : 0) },
  { name: 'license', kind: 'string', of: ['load'], read: (call) => (call.kind === 'load' ? call.license : '') },
  { name: 'flags', kind: 'string', of: ['load'], read: (call) => (call.kind === 'load' ? call.flags.join('|') : '') },
  { name: 'btf', kind: 'bool', of: ['load'], read: (call) => call.kind === 'load' && call.btf },
  { name: 'lines', kind: 'int', of: ['load'], read: (call) => (call.kind === 'load' ? call.lines : 0) },
  { name: 'loglevel', kind: 'int', of: ['load'], read: (call) => (call.kind === 'load' ? call.logLevel : 0) },
  { name: 'keysize', kind: 'int', of: ['map'], read: (call) => (call.kind === 'map' ? call.keySize : 0) },
  { name: 'valuesize', kind: 'int', of: ['map'], read: (call) => (call.kind === 'map' ? call.valueSize : 0) },
  { name: 'entries', kind: 'int', of: ['map'], read: (call) => (call.kind === 'map' ? call.maxEntries : 0) },
  {
    name: 'program',
    kind: 'int',
    of: ['link', 'attach'],
    read: (call) => ('program' in call ? (call.program ?? 0) : 0),
  },
  { name: 'errno', kind: 'int', of: everywhere, read: (call) => call.errno },
  { name: 'refused', kind: 'bool', of: everywhere, read: (call) => call.errno !== 0 },
  { name: 'error', kind: 'string', of: everywhere, read: (call) => call.error ?? '' },
  { name: 'comm', kind: 'string', of: everywhere, read: (call) => call.comm ?? '' },
  { name: 'fd', kind: 'int', of: ['load', 'map', 'link'], read: (call) => call.fd ?? 0 },
  { name: 'id', kind: 'int', of: ['load', 'map', 'link'], read: (call) => idOf(call) },
  { name: 'tag', kind: 'string', of: ['load'], read: (call) => (call.kind === 'load' ? (call.loaded?.tag ?? '') : '') },
  {
    name: 'translated',
    kind: 'int',
    of: ['load'],
    read: (call) => (call.kind === 'load' ? (call.loaded?.translatedBytes ?? 0) : 0),
  },
  {
    name: 'jited',
    kind: 'int',
    of: ['load'],
    read: (call) => (call.kind === 'load' ? (call.loaded?.jitedBytes ?? 0) : 0),
  },
  {
    name: 'check',
    kind: 'string',
    of: ['load'],
    read: (call) => (call.kind === 'load' ? (call.log?.report?.kind ?? '') : ''),
  },
];

const idOf = (call: BpfCall): number => {
  if (call.kind === 'load') return call.loaded?.id ?? 0;
  return 'id' in call ? (call.id ?? 0) : 0;
};

const shapes: Readonly<Record<Field['kind'], CaptureShape>> = {
  string: { kind: 'string', limit: 64 },
  int: { kind: 'integer', signed: true, width: 8 },
  bool: { kind: 'bool' },
};

/** As the agent describes the fields of any kernel event. */
export const bpfFields = (what: BpfWhat) =>
  fields
    .filter((field) => field.of.includes(what))
    .map(({ name, kind }) => ({ name, typeName: kind, shape: shapes[kind] }));

/** @param name as an expression has it. */
export const fieldValue = (call: BpfCall, name: string): FieldValue | undefined =>
  fields.find((field) => field.name === original(name) && field.of.includes(call.kind))?.read(call);

/** As events carry them; texts as Go would print them. */
export const bpfValues = (call: BpfCall): readonly CapturedValue[] =>
  fields
    .filter((field) => field.of.includes(call.kind))
    .map(({ name, kind, read }) => {
      const value = read(call);
      return { name, type: kind, text: typeof value === 'string' ? JSON.stringify(value) : `${value}`, faulted: false };
    });
