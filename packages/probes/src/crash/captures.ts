/**
 * What is read where the runtime panics and gives up: registers by the calling convention (ABIInternal of Go >= 1.17), and
 * memory behind them. One record holds all of it, so that nothing has to be asked of a program that is gone.
 */
import type { LoweredExpression } from '../plan/expression.js';
import { compare, constant, load, plus, unlessNil, word } from '../plan/lower/build.js';
import type { PlannedCapture } from '../plan/plan.js';
import type { Readings } from '../plan/readings.js';
import { Refused } from '../plan/refused.js';
import type { Place, Request } from '../plan/request.js';
import { type RuntimeOffsets, runtimeOffsets } from './offsets.js';
import type { CrashWhat } from './what.js';

/** runtime.g up to and with `gopc`, in every release. Bytes. */
const goroutineBytes = 320;
const panicBytes = 112;
/** internal/abi.Type. */
const typeBytes = 48;
/** runtime.boundsError has 24 bytes, runtime.TypeAssertionError 40. */
const valueBytes = 40;
/** Of a panic's message. */
const messageBytes = 1024;
/** One read of the stack, and how many. Frames of a few hundred bytes are usual. */
const stackChunk = 1024;
const stackChunks = 4;
/** Panics that were under way when another one began, itself included. */
export const mostPanics = 3;
/** siginfo_t up to and with the sender or the address; general registers of mcontext_t (asm/sigcontext.h). */
const signalBytes = 32;
const contextRegisters = 40n;
const contextBytes = 136;

/** Index of the stack pointer and others among the registers (REG_RSP of sys/ucontext.h). */
export const contextRegister = { bp: 10, sp: 15, pc: 16 } as const;

const register = (name: string): LoweredExpression => ({ kind: 'register', register: name });

const argument = { first: register('rax'), second: register('rbx'), third: register('rcx'), fourth: register('rdi') };
const current = register('r14');

const capture = (name: string, value: LoweredExpression): PlannedCapture => ({
  name,
  typeName: 'uintptr',
  shape: { kind: 'integer', signed: false, width: 8 },
  value,
  length: undefined,
});

const memory = (
  name: string,
  address: LoweredExpression,
  limit: number,
  length: LoweredExpression = constant(BigInt(limit)),
): PlannedCapture => ({ name, typeName: '[]byte', shape: { kind: 'bytes', limit }, value: address, length });

const at = (address: LoweredExpression, offset: number): LoweredExpression => load(plus(address, BigInt(offset)), word);

/** An interface's value by its two words: the type's record, the bytes that it points to, and those as a string's. */
const interfaceValue = (index: number, type: LoweredExpression, data: LoweredExpression): readonly PlannedCapture[] => [
  capture(`type${index}`, type),
  memory(`descriptor${index}`, type, typeBytes),
  memory(`value${index}`, data, valueBytes),
  memory(`message${index}`, load(data, word), messageBytes, at(data, 8)),
  capture(`data${index}`, data),
];

const panics = (first: LoweredExpression, { arg, link }: RuntimeOffsets, count: number): readonly PlannedCapture[] => {
  const captures: PlannedCapture[] = [];
  let panic = first;
  for (let index = 0; index < count; index++) {
    captures.push(memory(`panic${index}`, panic, panicBytes));
    captures.push(...interfaceValue(index, at(panic, arg), at(panic, arg + 8)));
    panic = at(panic, link);
  }
  return captures;
};

const stackAt = (name: string, pointer: LoweredExpression): readonly PlannedCapture[] =>
  Array.from({ length: stackChunks }, (_, index) =>
    memory(`${name}${index}`, plus(pointer, BigInt(index * stackChunk)), stackChunk),
  );

/** Where the probed instruction itself is, and what lies on its stack. */
const here: readonly PlannedCapture[] = [
  memory('g', current, goroutineBytes),
  capture('sp', register('rsp')),
  capture('bp', register('rbp')),
  ...stackAt('stack', register('rsp')),
];

/** A goroutine that does not run at this moment: the runtime works for it on another stack. */
const saved = (goroutine: LoweredExpression, { sp }: RuntimeOffsets): readonly PlannedCapture[] => [
  memory('curg', goroutine, goroutineBytes),
  ...stackAt('saved', at(goroutine, sp)),
];

const capturesOf = (what: CrashWhat, offsets: RuntimeOffsets): readonly PlannedCapture[] => {
  switch (what) {
    case 'panic':
      return [...interfaceValue(0, argument.first, argument.second), ...here];
    case 'recovered':
      // mcall's function: it runs on g0, for the goroutine in its argument.
      return [...panics(at(argument.first, offsets.panic), offsets, 1), ...saved(argument.first, offsets)];
    case 'fatal-panic':
      return [...panics(argument.first, offsets, mostPanics), ...here];
    case 'throw': {
      const curg = at(at(current, offsets.m), offsets.curg);
      return [memory('message0', argument.first, messageBytes, argument.second), ...here, ...saved(curg, offsets)];
    }
    case 'signal': {
      const context = at(argument.second, 8);
      const curg = unlessNil(argument.fourth, at(argument.fourth, offsets.curg));
      return [
        capture('signal', argument.first),
        memory('info', load(argument.second, word), signalBytes),
        memory('registers', plus(context, contextRegisters), contextBytes),
        memory('g', argument.third, goroutineBytes),
        ...stackAt('stack', at(context, Number(contextRegisters) + contextRegister.sp * 8)),
        ...saved(curg, offsets),
      ];
    }
    case 'exit':
      return [capture('code', argument.first), ...here];
    case 'thread-exit':
      // mcall's function, as above.
      return [memory('curg', argument.first, goroutineBytes)];
  }
};

/** Of every goroutine that ends only those with a thread of their own. */
const conditionOf = (what: CrashWhat, { lockedm }: RuntimeOffsets): LoweredExpression | undefined =>
  what === 'thread-exit' ? compare('ne', false, at(argument.first, lockedm), constant(0n)) : undefined;

/** Sites and captures of a `crash:` plan; crashPlaces has them for amd64 only. Throws Refused. */
export const crashReadings = (request: Request, places: readonly Place[]): Readings => {
  const { target, action } = request.spec;
  if (target.kind !== 'crash') throw new Refused('unsupported-target', 'This is no crash: probe.');
  const { binary } = request;
  const offsets = runtimeOffsets(binary);
  if (offsets === undefined)
    throw new Refused(
      'unknown-runtime',
      `The runtime of ${binary.goVersion ?? 'this version of Go'} is not known well enough for crash:${target.what}; Go 1.21 to 1.27 are, and programs with debug information.`,
    );
  // The instruction's own address tells how far from its link address the program was loaded.
  const address = capture('pc', register('rip'));
  const captures = action.kind === 'count' ? [] : [address, ...capturesOf(target.what, offsets)];
  const registers = new Set(['rax', 'rbx', 'rcx', 'rdi']);
  const sites = places.map((place) => place.choose({ registers, memory: true }));
  return { sites, condition: conditionOf(target.what, offsets), captures };
};
