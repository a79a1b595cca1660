/** What requests are answered with and events carry, by the protocol's own types, and readers for the rest. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { TimelineView } from '../src/core/output.js';

/** Bodies of successful answers. */
export interface Answers {
  readonly 'probelens/timeline': TimelineView;
  readonly completions: DebugProtocol.CompletionsResponse['body'];
  readonly dataBreakpointInfo: DebugProtocol.DataBreakpointInfoResponse['body'];
  readonly disassemble: NonNullable<DebugProtocol.DisassembleResponse['body']>;
  readonly evaluate: DebugProtocol.EvaluateResponse['body'];
  readonly exceptionInfo: DebugProtocol.ExceptionInfoResponse['body'];
  readonly initialize: NonNullable<DebugProtocol.InitializeResponse['body']>;
  readonly readMemory: NonNullable<DebugProtocol.ReadMemoryResponse['body']>;
  readonly scopes: DebugProtocol.ScopesResponse['body'];
  readonly setBreakpoints: DebugProtocol.SetBreakpointsResponse['body'];
  readonly setDataBreakpoints: DebugProtocol.SetDataBreakpointsResponse['body'];
  readonly setExceptionBreakpoints: NonNullable<DebugProtocol.SetExceptionBreakpointsResponse['body']>;
  readonly setFunctionBreakpoints: DebugProtocol.SetFunctionBreakpointsResponse['body'];
  readonly setInstructionBreakpoints: DebugProtocol.SetInstructionBreakpointsResponse['body'];
  readonly stackTrace: DebugProtocol.StackTraceResponse['body'];
  readonly stepInTargets: DebugProtocol.StepInTargetsResponse['body'];
  readonly threads: DebugProtocol.ThreadsResponse['body'];
  readonly variables: DebugProtocol.VariablesResponse['body'];
}

/** Delve and the adapter name a thread at each stop, and the process by its number; the protocol lets others leave them out. */
interface Events {
  readonly breakpoint: DebugProtocol.BreakpointEvent['body'];
  readonly capabilities: DebugProtocol.CapabilitiesEvent['body'];
  readonly continued: DebugProtocol.ContinuedEvent['body'];
  readonly exited: DebugProtocol.ExitedEvent['body'];
  readonly initialized: unknown;
  readonly output: DebugProtocol.OutputEvent['body'];
  readonly process: DebugProtocol.ProcessEvent['body'] & { readonly systemProcessId: number };
  readonly stopped: DebugProtocol.StoppedEvent['body'] & { readonly threadId: number };
  readonly terminated: unknown;
}

export type EventName = keyof Events;
export type EventOf<E extends EventName> = {
  readonly [Name in E]: { readonly event: Name; readonly body: Events[Name] };
}[E];
export type AnyEvent = EventOf<EventName>;
export type Stop = Events['stopped'];

/** An answer as it came: its body is the command's own if `success`, and an error's if not. */
export interface Answer {
  readonly success: boolean;
  readonly command: string;
  readonly message?: string;
  readonly body?: unknown;
}

/** The error of an answer that has to be a refusal. */
export const refusalOf = (answer: Answer): DebugProtocol.Message => {
  const body: DebugProtocol.ErrorResponse['body'] | undefined = answer.success ? undefined : (answer.body ?? {});
  if (body?.error === undefined) throw new Error(`${answer.command} was not refused: ${JSON.stringify(answer)}`);
  return body.error;
};

/** What the console, or an expression, was answered with; throws at a refusal. */
export const resultOf = (answer: Answer): string => {
  const { body } = answer;
  if (answer.success && typeof body === 'object' && body !== null && 'result' in body) return String(body.result);
  throw new Error(`${answer.command} has no result: ${JSON.stringify(answer)}`);
};

/** What a test needs must be there. */
export const present = <Value>(value: Value | undefined): Value => {
  if (value === undefined) throw new Error('the value is missing');
  return value;
};

/** The first of a list that must have one. */
export const firstOf = <Value>(list: readonly Value[]): Value => present(list[0]);
