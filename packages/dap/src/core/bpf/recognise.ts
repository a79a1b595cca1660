/**
 * Loads that nobody wrote: github.com/cilium/ebpf tries out what the kernel can do with programs of its own, and repeats a
 * load that was refused with a log. Which it is, the callers tell, so they are looked at before a stop is shown: Delve is
 * asked for them, and without it the kernel has recorded them.
 */
import type { BpfCall, BpfLoad } from '@probelens/probes';
import { listOf, objectOf, type Response, stringOf } from '../message.js';
import type { BpfSeen } from '../state/bpf.js';
import type { Gate } from '../state/gate.js';
import type { Hit } from '../state/hit.js';
import type { Turn } from '../turn.js';
import { calledInC, loaderInC } from './c-loads.js';
import { isBeforeLoad, isSameLoad } from './calls.js';

/** What the stop at a load turns out to be. */
export type Recognised =
  | { readonly kind: 'meant' }
  /** A program of the library's own. */
  | { readonly kind: 'feature-test'; readonly of: 'github.com/cilium/ebpf' | 'libbpf' }
  /** The person's program; the library repeats the load when it is refused. */
  | { readonly kind: 'library' }
  /** Made by C. `by`: the Go function that called it, one of cgo's; undefined: none is known. */
  | { readonly kind: 'foreign'; readonly by: string | undefined }
  /** C makes it at this moment; its callers cannot be had. */
  | { readonly kind: 'in-c' };

/** All of them in the few frames between the system call and the person's code. */
const callersAsked = 24;

export const askCallers = (turn: Turn, hit: Hit): void =>
  turn.toDelve(
    'stackTrace',
    { threadId: hit.goroutine, startFrame: 0, levels: callersAsked },
    { kind: 'load-callers', hit },
  );

/** Paths in the module cache, in a vendor directory, and of builds with -trimpath. */
const inLibrary = (file: string): RegExp => new RegExp(`\\bgithub\\.com/cilium/ebpf(?:@[^/]*)?/${file}$`);
const featureTests = inLibrary('internal/feature\\.go');
const programs = inLibrary('prog\\.go');

/** What is known of a caller, innermost first. */
export interface Caller {
  readonly name: string;
  /** Source file; undefined outside Go. */
  readonly file: string | undefined;
}

/** Of the programs with which libbpf tries out the kernel the one that has a name (kernel_supports, libbpf 0.0.4 and later). */
const nameOfTest = 'libbpf_nametest';

/** `load`: what was loaded, after the load. */
export const recognised = (callers: readonly Caller[], load: BpfCall | undefined): Recognised => {
  if (load?.kind === 'load' && load.name === nameOfTest) return { kind: 'feature-test', of: 'libbpf' };
  const names = callers.map(({ name }) => name);
  if (names.includes('runtime.cgocall'))
    return { kind: 'foreign', by: names.find((each) => calledInC(each) !== undefined) };
  const paths = callers.map(({ file }) => file ?? '');
  if (paths.some((path) => featureTests.test(path))) return { kind: 'feature-test', of: 'github.com/cilium/ebpf' };
  if (paths.length > 0 && paths.every((path) => path === '')) return { kind: 'in-c' };
  return { kind: paths.some((path) => programs.test(path)) ? 'library' : 'meant' };
};

/** Delve's answer to `askCallers`. */
export const callersIn = ({ success, body }: Response): readonly Caller[] =>
  (success ? listOf(objectOf(body).stackFrames) : []).map(objectOf).map(({ name, source }) => ({
    name: stringOf(name) ?? '',
    file: stringOf(objectOf(source).path),
  }));

/** Stops because of loads that a filter asked for; a probe by text stops at every one. */
export const isOfLoads = (gate: Gate, { cause }: Pick<Hit, 'cause'>): boolean =>
  isBeforeLoad(gate) || (gate.owner.kind === 'filter' && cause?.bpf?.kind === 'load');

const asksForLog = ({ errno, error, logLevel }: BpfLoad, next: BpfLoad): boolean =>
  errno !== 0 && next.logLevel > 0 && (logLevel === 0 || error === 'ENOSPC');

/** What stands before the system call was refused a moment ago, and is repeated for its log. */
export const isRepeated = (seen: readonly BpfSeen[], next: BpfLoad, goroutine: number): boolean => {
  const last = seen.findLast((each) => each.goroutine === goroutine && each.call.kind === 'load')?.call;
  return last?.kind === 'load' && isSameLoad(last, next) && asksForLog(last, next);
};

/** For people: what was passed over. */
export const passedText = (of: string, { cause }: Pick<Hit, 'cause'>): string =>
  `Not stopped at: a feature test of ${of}${cause?.told === undefined ? '' : `, ${cause.told.line}`}`;

const afterwards = (by: string | undefined): string => {
  const name = by === undefined ? undefined : calledInC(by);
  const text = `C code loaded it${name === undefined ? '' : ` (${name})`}: this is where the call of C returns, after the load.`;
  // Before libbpf's own and a skeleton's the program has been stopped.
  if (by === undefined || loaderInC(by) !== undefined) return text;
  return `${text} To stop before it next time, say "probe ${by} do stop".`;
};

/** A further sentence for a stop after the load. */
export const callerText = (caller: Recognised, { cause }: Pick<Hit, 'cause'>): string | undefined => {
  if (caller.kind === 'foreign') return afterwards(caller.by);
  const load = cause?.bpf;
  if (caller.kind === 'in-c' && load?.kind === 'load')
    return load.name === ''
      ? 'C code loads it, without a name, as libbpf loads its feature tests.'
      : 'C code loads it.';
  if (caller.kind !== 'library') return undefined;
  if (load?.kind !== 'load' || load.errno === 0 || load.logLevel > 0) return undefined;
  return 'github.com/cilium/ebpf now loads it once more for the log, unless LogDisabled is set: continue for the verdict.';
};
