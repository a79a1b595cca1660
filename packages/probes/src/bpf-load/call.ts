/** System calls that load eBPF programs, make maps, and attach: what was asked and what became of it. Plain data. */

export type BpfWhat = 'load' | 'map' | 'link' | 'attach';

/** One instruction as text. */
export interface BpfInstruction {
  /** Index of the 8-byte slot, as the verifier counts. */
  readonly slot: number;
  readonly opcode: number;
  /** In the words of the kernel's own disassembler. */
  readonly text: string;
}

export interface BpfCode {
  /** "caller": as the program gave them; "kernel": as the verifier left them, with map ids. */
  readonly of: 'caller' | 'kernel';
  readonly instructions: readonly BpfInstruction[];
  /** Slots that are not shown. */
  readonly missing: number;
}

/** A VerifierSummary of @probelens/bpf as data. */
export interface VerifierReport {
  /** One or two sentences: where, why, and what to change where that is known. */
  readonly message: string;
  /** Stable name of the check that failed, "other" where it is not known. */
  readonly kind: string;
  readonly slot?: number;
  readonly instruction?: string;
  /** The verifier's own words. */
  readonly reason: string;
  /** The usual cure. */
  readonly advice?: string;
  /** "R1" -> what the verifier knew of it before the instruction. */
  readonly registers: Readonly<Record<string, string>>;
  readonly source?: { readonly text: string; readonly file?: string; readonly line?: number };
  /** "0-5 (if r0 == 0x0 goto pc+1), then 7-9". */
  readonly way?: string;
}

export interface VerifierLog {
  readonly text: string;
  /** "reload": the program was loaded once more, by the agent, with a log. */
  readonly from: 'caller' | 'reload';
  /** Why this is not all of it. */
  readonly cut?: string;
  /** Of a refusal; absent for a program that was loaded. */
  readonly report?: VerifierReport;
}

interface Outcome {
  /** Name of the thread that made the call; absent where it is only about to be made. */
  readonly comm?: string;
  /** 0: it worked. */
  readonly errno: number;
  /** "EACCES"; absent when it worked. */
  readonly error?: string;
  /** Descriptor in the program; absent when it failed or gives none. */
  readonly fd?: number;
}

export interface BpfLoad extends Outcome {
  readonly kind: 'load';
  /** "socket_filter", "xdp". */
  readonly type: string;
  /** Absent where the type has none. */
  readonly attachType?: string;
  readonly name: string;
  /** 8-byte slots. */
  readonly instructions: number;
  /** First 15 characters. */
  readonly license: string;
  readonly flags: readonly string[];
  readonly btf: boolean;
  /** Records of function and line information that came with it. */
  readonly functions: number;
  readonly lines: number;
  readonly logLevel: number;
  readonly logSize: number;
  /** Where the attributes are in the program's memory, "0x...", and their bytes. */
  readonly attributes?: { readonly pointer: string; readonly size: number };
  /** What the kernel says of the program, by its id. */
  readonly loaded?: BpfLoaded;
  readonly code: BpfCode;
  readonly log?: VerifierLog;
  /** Sentences: why something is not here. */
  readonly notes: readonly string[];
}

export interface BpfLoaded {
  readonly id: number;
  readonly tag?: string;
  readonly translatedBytes?: number;
  readonly jitedBytes?: number;
  readonly mapIds?: readonly number[];
  readonly verifiedInstructions?: number;
}

export interface BpfMapCall extends Outcome {
  readonly kind: 'map';
  readonly type: string;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly id?: number;
}

export interface BpfLinkCall extends Outcome {
  readonly kind: 'link';
  readonly call: 'create' | 'raw-tracepoint' | 'update' | 'detach';
  /** Kernel id of the program. */
  readonly program?: number;
  readonly attachType?: string;
  /** Descriptor or interface index that it is attached to, or the tracepoint's name. */
  readonly target?: string;
  /** Kernel id and kind of the new link. */
  readonly id?: number;
  readonly type?: string;
}

export interface BpfAttachCall extends Outcome {
  readonly kind: 'attach';
  readonly call: 'attach' | 'detach';
  readonly program?: number;
  readonly attachType: string;
  readonly target: string;
}

export type BpfCall = BpfLoad | BpfMapCall | BpfLinkCall | BpfAttachCall;
