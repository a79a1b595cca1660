/** What a program is built from. */
import type { MapReference } from '@probelens/bpf';
import type { ProbePlan } from '../plan/plan.js';
import type { ProgramMachine } from './registers.js';

export interface HitCondition {
  readonly operator: '==' | '!=' | '>' | '>=' | '<' | '<=' | '%';
  /** Not 0 behind "%". */
  readonly value: number;
  /** Hits that came before this probe was armed, and count. */
  readonly counted: number;
}

/** Offsets in the kernel's task_struct, bytes, from its BTF. */
export interface TaskLayout {
  readonly ptrace: number;
  readonly parent: number;
  readonly tgid: number;
}

export interface ProgramMaps {
  /** Array of one element, `stateSize` bytes (state.ts); one map per probe. */
  readonly state: MapReference;
  /** Array of one element, `controlSize` bytes (state.ts); shared by the agent's probes. */
  readonly control: MapReference;
  /** Ring buffer. */
  readonly events: MapReference;
  /** Threads that kernel events have armed (armed-thread.ts), shared by the agent's probes; absent: there are none. */
  readonly armedThreads?: MapReference;
  /** Array of u64 by number (switches.ts), shared by the agent's probes; absent: nothing switches. */
  readonly switches?: MapReference;
}

export interface ProgramRequest {
  readonly plan: ProbePlan;
  readonly machine: ProgramMachine;
  /** Id that the records carry, u31. */
  readonly probe: number;
  /** Thread-group id whose hits count; those of others leave at once. */
  readonly target: number;
  readonly stop:
    | { readonly kind: 'none' }
    /** SIGTRAP to the thread, only while it is traced by this thread group. */
    | { readonly kind: 'trap'; readonly tracer: number; readonly task: TaskLayout }
    /** SIGSTOP to the process. */
    | { readonly kind: 'halt' };
  readonly maps: ProgramMaps;
  /** Which of the hits are told, by their number; undefined: all. Only for conditions that cannot fault. */
  readonly hits?: HitCondition | undefined;
  /** By which others switch this probe (`then arm N`); undefined: it is always on. */
  readonly switchedBy?: number | undefined;
  /** The program may sleep (BPF_F_SLEEPABLE): pages that are not resident are fetched. */
  readonly sleepable: boolean;
  /** Write the attach cookie into the record as the site's index (plans with several sites; Linux >= 5.15). */
  readonly siteCookie: boolean;
}
