/**
 * The one place that maps numbers between the two conversations: sequence numbers and breakpoint ids. Thread ids are
 * goroutine ids on both sides and pass unchanged; frame and variable ids are Delve's own.
 */

/**
 * variablesReference of the "Kernel" scope. Delve counts its own up from 1000 at every stop (service/dap/handles.go) and
 * never comes this far; Helix reads a signed 32-bit number.
 */
export const kernelReference = 2 ** 30;

/** variablesReference of the "eBPF" scope. */
export const bpfReference = kernelReference - 1;

/** variablesReference of what a moment (moments.ts) captured: counted up from here. */
export const firstMomentReference = kernelReference + 1;

/**
 * Frames of a moment, and the thread that stands for a snapshot: behind Delve's frames (numbered like its variables) and
 * goroutines, and below 2^31. The numbers of moments repeat after two million; a session keeps a few hundred.
 */
const momentSlots = 2 ** 21;
const framesOfMoment = 2 ** 8;

export const momentSlot = (number: number): number => number % momentSlots;
export const momentThread = (number: number): number => kernelReference + momentSlot(number);

/** Undefined for a frame too deep to be shown. */
export const momentFrame = (number: number, depth: number): number | undefined =>
  depth < framesOfMoment ? kernelReference + momentSlot(number) * framesOfMoment + depth : undefined;

export const momentOfThread = (thread: number): number | undefined =>
  thread >= kernelReference ? thread - kernelReference : undefined;

export const momentOfFrame = (frame: number): { readonly slot: number; readonly depth: number } | undefined => {
  const distance = frame - kernelReference;
  if (distance < 0) return undefined;
  return { slot: Math.floor(distance / framesOfMoment), depth: distance % framesOfMoment };
};

/** A thread outside any goroutine, where goroutines' ids are thread ids. */
export const bareThread = (tid: number): number => 2 ** 29 + tid;

export interface IdState {
  /** Last sequence number used towards the client. */
  readonly clientSeq: number;
  /** Last sequence number used towards Delve. */
  readonly delveSeq: number;
  /** Last breakpoint id given to the client: positive and below 2^31 (Helix reads a signed 32-bit number). */
  readonly breakpoint: number;
  readonly clientBreakpointOf: ReadonlyMap<number, number>;
}

export const noIds: IdState = { clientSeq: 0, delveSeq: 0, breakpoint: 0, clientBreakpointOf: new Map() };

export const nextClientSeq = (ids: IdState): readonly [IdState, number] => {
  const clientSeq = ids.clientSeq + 1;
  return [{ ...ids, clientSeq }, clientSeq];
};

export const nextDelveSeq = (ids: IdState): readonly [IdState, number] => {
  const delveSeq = ids.delveSeq + 1;
  return [{ ...ids, delveSeq }, delveSeq];
};

/** An id that no breakpoint of this session has had. */
export const newBreakpoint = (ids: IdState): readonly [IdState, number] => {
  const breakpoint = ids.breakpoint + 1;
  return [{ ...ids, breakpoint }, breakpoint];
};

/** The client's id of one of Delve's breakpoints; Delve's internal ones have negative ids and get a positive one too. */
export const clientBreakpoint = (ids: IdState, delveId: number): readonly [IdState, number] => {
  const known = ids.clientBreakpointOf.get(delveId);
  if (known !== undefined) return [ids, known];
  const [next, id] = newBreakpoint(ids);
  return [{ ...next, clientBreakpointOf: new Map(next.clientBreakpointOf).set(delveId, id) }, id];
};

/**
 * The client's id of a breakpoint that Delve has just answered for. `wanted` is the id that the same breakpoint had
 * before (in the kernel, or unset); without any of them it gets a new one.
 */
export const bindBreakpoint = (
  ids: IdState,
  delveId: number | undefined,
  wanted: number | undefined,
): readonly [IdState, number] => {
  if (delveId === undefined) return wanted === undefined ? newBreakpoint(ids) : [ids, wanted];
  if (ids.clientBreakpointOf.has(delveId) || wanted === undefined) return clientBreakpoint(ids, delveId);
  return [{ ...ids, clientBreakpointOf: new Map(ids.clientBreakpointOf).set(delveId, wanted) }, wanted];
};
