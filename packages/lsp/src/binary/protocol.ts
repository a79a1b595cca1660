/** JSON-RPC between the server and the worker thread that reads binaries. Types only. */
import { NotificationType, RequestType } from 'vscode-languageserver/node';

/** Tells one build from the next at the same path without reading it. */
export interface FileIdentity {
  readonly inode: number;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export interface BinarySummary {
  /** Absolute path. */
  readonly path: string;
  readonly identity: FileIdentity;
  readonly goVersion: string | undefined;
  /** Import path of its main package; undefined when the build info is gone. */
  readonly mainPackage: string | undefined;
  /** Made by `go test`. */
  readonly isTest: boolean;
  readonly buildId: string | undefined;
  readonly functionCount: number;
  /** Sentences for the person. */
  readonly problems: readonly string[];
}

/** What is asked about one declaration. Names are without type arguments. */
export interface FunctionQuery {
  /** Likeliest first; the first that the binary knows is answered for. */
  readonly symbols: readonly string[];
  /** For `init` functions, which share their name: the prefix of their package, and their order in the file. */
  readonly init?: { readonly packages: readonly string[]; readonly ordinal: number } | undefined;
}

/** A function of its own in the binary: one instantiation, where there are type parameters. */
export interface FunctionBody {
  /** As the linker spells it. */
  readonly name: string;
  readonly entry: number;
  /** Bytes of code. */
  readonly size: number;
  readonly file: string;
  /** Line of `func`; 0 where unknown. */
  readonly line: number;
}

export interface InlinedInto {
  /** The calling function as the linker spells it. */
  readonly caller: string;
  readonly file: string;
  /** Line of the call. */
  readonly line: number;
}

export interface FunctionFacts {
  /** The name that was found, without type arguments; undefined when the binary knows none of them. */
  readonly symbol: string | undefined;
  readonly bodies: readonly FunctionBody[];
  /** At most `copiesShown`, in order of file and line. */
  readonly copies: readonly InlinedInto[];
  readonly copyCount: number;
  /** How many different functions call it in those copies. */
  readonly callerCount: number;
}

export const copiesShown = 24;

export interface LookupParams {
  readonly path: string;
  /** The build that the asker means; another one at that path is refused with `changed`. */
  readonly identity: FileIdentity;
  readonly queries: readonly FunctionQuery[];
  /** Spellings of the source file's path: as the editor has it, and as -trimpath writes it. */
  readonly files: readonly string[];
}

export interface LookupAnswer {
  /** In the order of the queries. */
  readonly facts: readonly FunctionFacts[];
}

export interface CallsParams {
  readonly path: string;
  readonly identity: FileIdentity;
  readonly files: readonly string[];
}

/** A call in a source file that was inlined in at least one place of the binary. */
export interface InlinedCall {
  readonly line: number;
  /** As the linker spells it. */
  readonly callee: string;
}

export interface ClosuresParams {
  readonly path: string;
  readonly identity: FileIdentity;
  /** Spellings of the source file's path. */
  readonly files: readonly string[];
  /** Line of the closure's `func`. */
  readonly line: number;
}

export interface DescribeParams {
  readonly path: string;
  readonly identity: FileIdentity;
  /** As the linker spells it. */
  readonly name: string;
}

/** Where a probe on the function would go; `reason` says why there. */
export interface DescribedSite {
  readonly tier: string;
  readonly address: string;
  readonly offset: string;
  /** Nanoseconds per hit. */
  readonly cost: number;
  readonly reason: string;
}

export interface FunctionDescription {
  /** "0x..." */
  readonly entry: string;
  /** "0x...", in the file. */
  readonly offset: string;
  readonly size: number;
  readonly params: readonly { readonly name: string; readonly type: string; readonly place: string }[];
  readonly site: DescribedSite | undefined;
  /** Why there is no site, in a sentence. */
  readonly refusal: string | undefined;
  /** What a log of it would leave out: sentences. */
  readonly notes: readonly string[];
}

export interface JudgeParams {
  readonly path: string;
  readonly identity: FileIdentity;
  /** Of probes; those that are none are passed over. */
  readonly texts: readonly string[];
}

/** A probe whose text names variables that the program does not have there. */
export interface JudgedProbe {
  readonly text: string;
  readonly at: { readonly symbol: string } | { readonly file: string; readonly line: number };
  /** Sentences, at least one. */
  readonly reasons: readonly string[];
}

export interface DiscoverParams {
  /** Directory to look in, with everything below it. */
  readonly root: string;
  readonly modulePath: string | undefined;
}

export interface Candidate {
  readonly path: string;
  readonly mainPackage: string | undefined;
  readonly isTest: boolean;
  readonly modified: number;
}

export interface WorkerErrorData {
  /** "changed", "not-open", or the code of a FormatError. */
  readonly code: string;
}

/** Reads a binary; the answer comes when its functions and inlined copies can be asked for. */
export const OpenRequest = new RequestType<{ readonly path: string }, BinarySummary, WorkerErrorData>('binary/open');
export const LookupRequest = new RequestType<LookupParams, LookupAnswer, WorkerErrorData>('binary/lookup');
export const CallsRequest = new RequestType<CallsParams, readonly InlinedCall[], WorkerErrorData>('binary/calls');
/**
 * Bodies of the function literals that begin on that line: several of one literal where type arguments differ, and where
 * the function around it was inlined: "main.f.g.func1" is the closure of g in the copy of g in f (Go >= 1.21).
 */
export const ClosuresRequest = new RequestType<ClosuresParams, readonly FunctionBody[], WorkerErrorData>(
  'binary/closures',
);
/** One for each function of that name. */
export const DescribeRequest = new RequestType<DescribeParams, readonly FunctionDescription[], WorkerErrorData>(
  'binary/describe',
);
export const JudgeRequest = new RequestType<JudgeParams, readonly JudgedProbe[], WorkerErrorData>('binary/judge');
export const CloseRequest = new RequestType<{ readonly path: string }, void, WorkerErrorData>('binary/close');
/** Go programs below a directory, newest first. */
export const DiscoverRequest = new RequestType<DiscoverParams, readonly Candidate[], WorkerErrorData>(
  'binary/discover',
);
/** How far the reading of a binary is. */
export const ProgressNotification = new NotificationType<{
  readonly path: string;
  readonly percentage: number;
  readonly message: string;
}>('binary/progress');
