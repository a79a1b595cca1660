/**
 * Where the runtime's own records keep what a report needs. From debug information where there is some, else by the
 * version of Go: read from the debug information of programs built with each (1.21.13, 1.22.12, 1.23.12, 1.24.13, 1.25.5,
 * 1.26.8, 1.27.0; linux/amd64). Bytes.
 */
import type { GoBinary, GoType } from '@probelens/gosym';

export interface RuntimeOffsets {
  /** In runtime.g. */
  readonly panic: number;
  readonly m: number;
  readonly goid: number;
  readonly parentGoid: number;
  readonly gopc: number;
  /** Signal of the fault that the goroutine panics or dies of, u32, 0 without one; and the address that it was at. */
  readonly sig: number;
  readonly sigcode1: number;
  /** A runtime.m: the goroutine has called runtime.LockOSThread. */
  readonly lockedm: number;
  /** Of the saved registers, runtime.g.sched. */
  readonly sp: number;
  readonly pc: number;
  readonly bp: number;
  /** In runtime.m. */
  readonly curg: number;
  /** In runtime._panic: the value's two words, the panic before, and flags of one byte. */
  readonly arg: number;
  readonly link: number;
  readonly recovered: number;
  readonly goexit: number;
  /** Since Go 1.25. */
  readonly repanicked: number | undefined;
}

const common = { panic: 32, m: 48, sp: 56, pc: 64 } as const;

/** runtime.gobuf lost `ret` in Go 1.25, and g got `syscallbp` in 1.23. */
const beforeSyscallbp = { ...common, goid: 152, parentGoid: 272, gopc: 280, lockedm: 208, bp: 104, curg: 192 } as const;
const withSyscallbp = { ...beforeSyscallbp, goid: 160, parentGoid: 280, gopc: 288, lockedm: 216 } as const;
const withoutRet = { ...common, goid: 152, parentGoid: 272, gopc: 280, lockedm: 208, bp: 96, curg: 184 } as const;

const oldPanic = { arg: 8, link: 24, recovered: 48, goexit: 50, repanicked: undefined } as const;
const panicOf22 = { arg: 8, link: 24, recovered: 96, goexit: 97, repanicked: undefined } as const;
const panicOf25 = { arg: 8, link: 24, recovered: 96, goexit: 98, repanicked: 97 } as const;
/** Without `argp`, which had been the first word. */
const panicOf26 = { arg: 0, link: 16, recovered: 88, goexit: 90, repanicked: 89 } as const;

/** In all these releases what is kept of a fault lies before `parentGoid`: sig, writebuf, sigcode0, sigcode1, sigpc; `sig`: bytes from there. */
const withFault = (offsets: Omit<RuntimeOffsets, 'sig' | 'sigcode1'>, sig: 52 | 56): RuntimeOffsets => ({
  ...offsets,
  sig: offsets.parentGoid - sig,
  sigcode1: offsets.parentGoid - 16,
});

/** By N of Go 1.N. */
const byRelease: ReadonlyMap<number, RuntimeOffsets> = new Map<number, RuntimeOffsets>([
  [21, withFault({ ...beforeSyscallbp, ...oldPanic }, 56)],
  [22, withFault({ ...beforeSyscallbp, ...panicOf22 }, 56)],
  [23, withFault({ ...withSyscallbp, ...panicOf22 }, 56)],
  [24, withFault({ ...withSyscallbp, ...panicOf22 }, 52)],
  [25, withFault({ ...withoutRet, ...panicOf25 }, 52)],
  [26, withFault({ ...withoutRet, parentGoid: 280, gopc: 288, ...panicOf26 }, 56)],
  [27, withFault({ ...withoutRet, parentGoid: 280, gopc: 288, ...panicOf26 }, 56)],
]);

type Struct = Extract<GoType, { kind: 'struct' }>;

const structOf = (type: GoType | undefined): Struct | undefined => {
  if (type?.kind === 'pointer') return structOf(type.target());
  return type?.kind === 'struct' ? type : undefined;
};

const offsetsIn = <Name extends string>(
  type: Struct | undefined,
  names: readonly Name[],
): Readonly<Record<Name, number | undefined>> => {
  const found = names.map((name) => [name, type?.fields.find((each) => each.name === name)?.offset] as const);
  return Object.fromEntries(found) as Record<Name, number | undefined>;
};

const fieldType = (type: Struct | undefined, name: string): GoType | undefined =>
  type?.fields.find((each) => each.name === name)?.type;

const complete = (found: Readonly<Record<keyof RuntimeOffsets, number | undefined>>): RuntimeOffsets | undefined => {
  const { repanicked, ...rest } = found;
  const isWhole = (each: typeof rest): each is Omit<RuntimeOffsets, 'repanicked'> =>
    Object.values(each).every((value) => value !== undefined);
  return isWhole(rest) ? { ...rest, repanicked } : undefined;
};

const fromDebugInformation = (binary: GoBinary): RuntimeOffsets | undefined => {
  const g = structOf(binary.packageVariable('runtime.g0')?.type);
  const own = offsetsIn(g, ['_panic', 'm', 'goid', 'parentGoid', 'gopc', 'sig', 'sigcode1', 'lockedm', 'sched']);
  const saved = offsetsIn(structOf(fieldType(g, 'sched')), ['sp', 'pc', 'bp']);
  const { curg } = offsetsIn(structOf(fieldType(g, 'm')), ['curg']);
  const panic = offsetsIn(structOf(fieldType(g, '_panic')), ['arg', 'link', 'recovered', 'goexit', 'repanicked']);
  const inG = (offset: number | undefined): number | undefined =>
    offset === undefined || own.sched === undefined ? undefined : own.sched + offset;
  return complete({
    panic: own._panic,
    m: own.m,
    goid: own.goid,
    parentGoid: own.parentGoid,
    gopc: own.gopc,
    sig: own.sig,
    sigcode1: own.sigcode1,
    lockedm: own.lockedm,
    sp: inG(saved.sp),
    pc: inG(saved.pc),
    bp: inG(saved.bp),
    curg,
    ...panic,
  });
};

const found = new WeakMap<GoBinary, { readonly offsets: RuntimeOffsets | undefined }>();

/** Undefined for releases that nobody has looked at, without debug information. Remembered: a storm asks a thousand times. */
export const runtimeOffsets = (binary: GoBinary): RuntimeOffsets | undefined => {
  const known = found.get(binary);
  if (known !== undefined) return known.offsets;
  const minor = Number(/^go1\.(\d+)/.exec(binary.goVersion ?? '')?.[1] ?? Number.NaN);
  const offsets = fromDebugInformation(binary) ?? byRelease.get(minor);
  found.set(binary, { offsets });
  return offsets;
};

/** Both ways, for the test that compares them. */
export const offsetsTwice = (
  binary: GoBinary,
  minor: number,
): { readonly read: RuntimeOffsets | undefined; readonly table: RuntimeOffsets | undefined } => ({
  read: fromDebugInformation(binary),
  table: byRelease.get(minor),
});
