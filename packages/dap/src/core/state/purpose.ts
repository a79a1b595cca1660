/** What the answers of Delve are for. */
import type { Request } from '../message.js';
import type { Hit } from './hit.js';

/** What a request to Delve was for, so that its answer finds its way. */
export type Purpose =
  | { readonly kind: 'client'; readonly request: Request }
  /** `initialize` and the launch or attach request that follows it. */
  | { readonly kind: 'greeting' }
  | { readonly kind: 'lane' }
  /** A restart that Delve has said yes to, and may say no to still. */
  | { readonly kind: 'restarting' }
  /** Sent behind a step: it is answered when the step has planted its breakpoints. */
  | { readonly kind: 'planted' }
  /** A resume of ours: the client must not hear of it. */
  | { readonly kind: 'silent-resume' }
  /** The rest of a step that was cut short, for a client that asked for the step again. */
  | { readonly kind: 'finish-step'; readonly request: Request }
  /** Where a goroutine really stands, before its trap is passed over. */
  | { readonly kind: 'prove-stack' }
  | { readonly kind: 'judge-stack'; readonly hit: Hit }
  | { readonly kind: 'load-callers'; readonly hit: Hit }
  | { readonly kind: 'judge-condition'; readonly hit: Hit }
  | { readonly kind: 'settle-look' }
  | { readonly kind: 'settle-step' }
  | { readonly kind: 'exception-pause' }
  /** The resume of a step into a new goroutine. */
  | { readonly kind: 'follow'; readonly request: Request }
  | { readonly kind: 'leave'; readonly step: 'clear' | 'pause' | 'continue' | 'disconnect' };
