/**
 * Loads that nobody wrote: github.com/cilium/ebpf tries out what the kernel can do with programs of its own, and repeats a
 * load that was refused with a log. Which it is, the callers tell, so Delve is asked for them before a stop is shown.
 */
import type { BpfLoad } from '@probelens/probes';
import { listOf, objectOf, type Response, stringOf } from '../message.js';
import type { BpfSeen } from '../state/bpf.js';
import type { Gate } from '../state/gate.js';
import type { Hit } from '../state/hit.js';
import type { Turn } from '../turn.js';
import { loaderInC } from './c-loads.js';
import { isBeforeLoad, isSameLoad } from './calls.js';

/** What the stop at a load turns out to be. */
export type Recognised =
  | { readonly kind: 'meant' }
  /** A program of the library's own. */
  | { readonly kind: 'feature-test' }
  /** The person's program; the library repeats the load when it is refused. */
  | { readonly kind: 'library' }
  /** Made by C. `through`: libbpf's function that Go called; undefined: nothing in Go could be stopped at before it. */
  | { readonly kind: 'foreign'; readonly through: string | undefined };

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

export const recognised = ({ success, body }: Response): Recognised => {
  const frames = (success ? listOf(objectOf(body).stackFrames) : []).map(objectOf);
  const names = frames.map(({ name }) => stringOf(name) ?? '');
  if (names.includes('runtime.cgocall'))
    return { kind: 'foreign', through: names.map(loaderInC).find((each) => each !== undefined) };
  const paths = frames.map((frame) => stringOf(objectOf(frame.source).path) ?? '');
  if (paths.some((path) => featureTests.test(path))) return { kind: 'feature-test' };
  return { kind: paths.some((path) => programs.test(path)) ? 'library' : 'meant' };
};

/** Stops because of loads that a filter asked for; a probe by text stops at every one. */
export const isOfLoads = (gate: Gate, { cause }: Hit): boolean =>
  isBeforeLoad(gate) || (gate.owner.kind === 'filter' && cause?.bpf?.kind === 'load');

const asksForLog = ({ errno, error, logLevel }: BpfLoad, next: BpfLoad): boolean =>
  errno !== 0 && next.logLevel > 0 && (logLevel === 0 || error === 'ENOSPC');

/** What stands before the system call was refused a moment ago, and is repeated for its log. */
export const isRepeated = (seen: readonly BpfSeen[], next: BpfLoad, goroutine: number): boolean => {
  const last = seen.findLast((each) => each.goroutine === goroutine && each.call.kind === 'load')?.call;
  return last?.kind === 'load' && isSameLoad(last, next) && asksForLog(last, next);
};

/** For people: what was passed over. */
export const passedText = ({ cause }: Hit): string =>
  `Not stopped at: a feature test of github.com/cilium/ebpf${cause?.told === undefined ? '' : `, ${cause.told.line}`}`;

const afterwards = (through: string | undefined): string => {
  const how = through === undefined ? ', where no Go function could be stopped in before' : ` (${through})`;
  return `C code loaded it${how}: this is where the call of C returns, after the load.`;
};

/** A further sentence for a stop after the load. */
export const callerText = (caller: Recognised, { cause }: Hit): string | undefined => {
  if (caller.kind === 'foreign') return afterwards(caller.through);
  if (caller.kind !== 'library') return undefined;
  const load = cause?.bpf;
  if (load?.kind !== 'load' || load.errno === 0 || load.logLevel > 0) return undefined;
  return 'github.com/cilium/ebpf now loads it once more for the log, unless LogDisabled is set: continue for the verdict.';
};
