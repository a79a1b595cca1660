/** What the lane (lane.ts) has to do, and how far each of it has come. */

import type { GoStatement, PlanItem, Planned, PlanOutcome } from '../kernel-words.js';
import type { JsonObject, Request } from '../message.js';
import type { Asked } from './asked.js';
import type { GroupKey, Placed, Want } from './breakpoints.js';
import type { Gate } from './gate.js';
import type { StepTarget } from './stepping.js';

/** Work that must not overlap: whatever makes Delve or the kernel write to the program's text, and what resumes it. */
export type LaneWork =
  | {
      readonly kind: 'set';
      /** Undefined: done again on our own account, the client is told by `breakpoint` events. */
      readonly request: Request | undefined;
      readonly group: GroupKey;
      readonly command: string;
      readonly base: JsonObject;
      readonly wants: readonly Want[];
      readonly stage: SetStage;
    }
  | {
      readonly kind: 'forward';
      readonly request: Request;
      readonly sent: boolean;
      /** Exception filters that the client has named, ours among them. */
      readonly filters?: readonly string[];
    }
  | {
      readonly kind: 'resume';
      readonly request: Request;
      /** "returned": what was lent to Delve is the kernel's again. */
      readonly stage: 'new' | 'returned' | 'standing' | 'judging' | 'focusing' | 'planting' | 'calling';
      /** The probe whose condition is being judged (ahead.ts). */
      readonly ahead?: number;
    }
  /** The same without a debugger. */
  | { readonly kind: 'go-on'; readonly request: Request }
  | {
      /** A step into a new goroutine. */
      readonly kind: 'follow';
      readonly request: Request;
      readonly target: StepTarget;
      readonly statement: GoStatement;
      readonly stage: 'new' | 'disarming' | 'asking' | 'planting';
      readonly known: ReadonlySet<number>;
    }
  | { readonly kind: 'unfollow'; readonly sent: boolean }
  | {
      /** What an agent that is gone may have left in the program's text (mending.ts). */
      readonly kind: 'mend';
      readonly stage: 'new' | 'looking' | 'mending' | 'waiting';
      /** How often the text has been compared. */
      readonly looks: number;
      /** A new agent has been asked. */
      readonly tried: boolean;
    }
  | { readonly kind: 'restart'; readonly request: Request; readonly stage: 'new' | 'disarming' | 'sent' }
  | {
      readonly kind: 'add-probe';
      readonly id: number;
      readonly item: PlanItem;
      readonly stage: 'new' | 'planning' | 'arming' | 'giving-up';
      readonly planned: Planned | undefined;
      /** Armed before it. */
      readonly helpers: readonly Planned[];
      /** Why it was refused, while its helpers are being taken out. */
      readonly refusal: string | undefined;
    }
  | {
      readonly kind: 'remove-probe';
      readonly id: number;
      readonly stage: 'new' | 'disarming';
      /** Who is to be told. */
      readonly waiting: Asked['waiting'];
    }
  | {
      /** Exception filters of ours. */
      readonly kind: 'watch';
      readonly wanted: readonly string[];
      readonly stage: 'new' | 'disarming' | 'planning' | 'arming';
      /** Whose sources are being planned or armed, in the order of the question. */
      readonly filters: readonly string[];
      /** Nothing is said where one of these has no place. */
      readonly optional: readonly boolean[];
      readonly planned: readonly Planned[];
      readonly helpers: readonly Planned[];
    };

export type SetWork = LaneWork & { readonly kind: 'set' };

export interface SetStage {
  /** "undoing": Delve has refused the request, and what was armed for it goes again. */
  readonly kind: 'new' | 'planning' | 'disarming' | 'delve' | 'arming' | 'undoing';
  /** Planned again, with what Delve gets. */
  readonly replanned: boolean;
  /** By the index of the want; missing where nothing was planned. */
  readonly outcomes: ReadonlyMap<number, PlanOutcome>;
  /** Armed before and left alone, by the index of the want. */
  readonly kept: ReadonlyMap<number, Placed>;
  /** Gates that are being taken out, by probe. */
  readonly leaving: ReadonlyMap<number, Gate>;
  /** Hits that were counted before, by the key of the want. */
  readonly counted: ReadonlyMap<string, number>;
  /** Indexes of the wants that Delve was sent, in its order. */
  readonly asked: readonly number[];
  /** Of those what Delve has by its last answer in this run; undefined while it has what it had before. */
  readonly has: readonly number[] | undefined;
  /** Delve's answers by the index of the want. */
  readonly answers: ReadonlyMap<number, JsonObject>;
  /** Indexes of the wants that the agent was sent last, in its order. */
  readonly arming: readonly number[];
  /** Armed in this run, by the index of the want. */
  readonly armed: ReadonlyMap<number, number>;
}

export const newSet: SetStage = {
  kind: 'new',
  replanned: false,
  outcomes: new Map(),
  kept: new Map(),
  leaving: new Map(),
  counted: new Map(),
  asked: [],
  has: undefined,
  answers: new Map(),
  arming: [],
  armed: new Map(),
};
