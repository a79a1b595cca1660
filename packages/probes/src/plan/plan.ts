/** A plan: where and how a probe goes, or why not. Serialisable; the agent takes plans, never programs. */
import type { ProbeSpec } from '../spec/spec.js';
import type { LoweredExpression } from './expression.js';
import type { ValueLayout } from './value-layout.js';

/**
 * 1: a one-byte instruction that the kernel emulates; cheap, may stop.
 * 2: an instruction inside a line, with a sentinel on its last byte; single-stepped, may stop.
 * "nop5": the five-byte nop that the kernel turns into a call; cheapest, never for stops.
 * "emulated": any other emulated instruction; cheap, never for stops.
 * "stepped": single-stepped out of line; counting, logging and returns.
 */
export type SiteTier = 1 | 2 | 'nop5' | 'emulated' | 'stepped';

export type SiteUse = 'stop' | 'log' | 'return';

export interface PlannedSite {
  readonly use: SiteUse;
  readonly tier: SiteTier;
  readonly function: string;
  readonly file: string;
  readonly line: number;
  /** "0x..." virtual address as linked. */
  readonly address: string;
  /** "0x..." offset in the file: what the kernel is given. */
  readonly offset: string;
  /** Hex of the whole instruction there; the agent refuses when the file says otherwise. */
  readonly instruction: string;
  /** Tier 2 only: file offset of the instruction's last byte. */
  readonly sentinel: string | undefined;
  /** Expected nanoseconds per hit that does not match. */
  readonly cost: number;
  /** Why this site and no better one, in words fit for an editor. */
  readonly reason: string;
  /**
   * A debugger plants breakpoints here while it steps in this function: who arms the site beside one takes it out before
   * each step, and arms it again when the step's breakpoints are gone (yielding-places.ts). Only where `yielding` was asked
   * for.
   */
  readonly yields?: true;
}

/** How the reader turns captured bytes into text; made by the planner, opaque to the kernel side. */
export type CaptureShape =
  | { readonly kind: 'integer'; readonly signed: boolean; readonly width: 1 | 2 | 4 | 8 }
  | { readonly kind: 'bool' }
  | { readonly kind: 'float'; readonly width: 4 | 8 }
  | { readonly kind: 'pointer' }
  /** Bytes of a string: u32 true length, then at most `limit` bytes. */
  | { readonly kind: 'string'; readonly limit: number }
  /** Memory as it is, laid out as a string; its text is hex. */
  | { readonly kind: 'bytes'; readonly limit: number }
  /** A value of several parts (`PlannedCapture.parts`). */
  | { readonly kind: 'structured'; readonly layout: ValueLayout }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** One read: a word, or a block of memory of which `limit` bytes at most are taken. */
export interface CapturePart {
  /** The word, or the block's address. */
  readonly value: LoweredExpression;
  /** Blocks only: bytes. */
  readonly length: LoweredExpression | undefined;
  /** Blocks only; 0 for a word. */
  readonly limit: number;
}

export interface PlannedCapture {
  /** The Go expression that is captured: a parameter's name or what stood in a `{hole}`. */
  readonly name: string;
  readonly typeName: string;
  readonly shape: CaptureShape;
  /** Value (integer, bool, float bits, pointer); for strings the data pointer. */
  readonly value: LoweredExpression | undefined;
  /** Strings only. */
  readonly length: LoweredExpression | undefined;
  /** Structured captures only, which have neither `value` nor `length`. */
  readonly parts?: readonly CapturePart[];
}

export interface PlannedBinary {
  readonly path: string;
  readonly goVersion: string | undefined;
  /** Compared by the agent with the file it opens; at least one of the three is present. */
  readonly goBuildId: string | undefined;
  readonly gnuBuildId: string | undefined;
  /** Of programs without build ids (code-hash.ts). */
  readonly codeHash?: string | undefined;
}

/** What is read at one site, where the sites of a plan have the same variables in different places. */
export interface SiteVariant {
  readonly condition: LoweredExpression | undefined;
  /** In the plan's order; there and not there as in the plan. */
  readonly captures: readonly Pick<PlannedCapture, 'value' | 'length' | 'parts'>[];
}

export interface ProbePlan {
  readonly spec: ProbeSpec;
  readonly binary: PlannedBinary;
  readonly sites: readonly PlannedSite[];
  readonly condition: LoweredExpression | undefined;
  readonly captures: readonly PlannedCapture[];
  /**
   * One for each site when they differ: `condition` and the values of `captures` are then those of the first site. Needs
   * attach cookies (Linux >= 5.15).
   */
  readonly variants?: readonly SiteVariant[];
  /** offsetof(runtime.g, goid). */
  readonly goidOffset: number | undefined;
  /**
   * A gate that fires for armed threads only (program/armed-thread.ts), where `condition` holds: it serves stops of
   * kernel events, and is planned by `Planner.armedThreadPlans`.
   */
  readonly forArmedThreads?: true;
}

/** Why a probe cannot be planned: a sentence with the next step, and a stable code. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export type PlanResult =
  /** `notes`: what the plan leaves out, in the form of refusals. */
  | { readonly ok: true; readonly plan: ProbePlan; readonly notes?: readonly Refusal[] }
  | { readonly ok: false; readonly refusal: Refusal };
