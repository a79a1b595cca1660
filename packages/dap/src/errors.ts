/**
 * Everything this adapter refuses, in one table. Ids are ours (4100-4199) except where Delve has one for the same
 * thing, which clients may already know. Each factory gives one sentence with the next step.
 */

export interface UserError {
  readonly id: number;
  readonly message: string;
  /** Shown in a pop-up where the client has one. */
  readonly showUser: boolean;
}

const shown = (id: number, message: string): UserError => ({ id, message, showUser: true });
const quiet = (id: number, message: string): UserError => ({ id, message, showUser: false });

export const errors = {
  delveNotFound: (searched: readonly string[]): UserError =>
    shown(
      4101,
      `Delve was not found (looked at ${searched.join(', ')}): install it with "go install github.com/go-delve/delve/cmd/dlv@latest" or set "delve" in the launch arguments to the path of dlv.`,
    ),
  delveDidNotStart: (path: string, said: string): UserError =>
    shown(
      4102,
      `Delve (${path}) ended before it was ready${said === '' ? '' : `: ${said}`}; run "${path} dap" by hand to see why.`,
    ),
  delveSilent: (path: string, seconds: number): UserError =>
    shown(
      4117,
      `Delve (${path}) has not connected within ${seconds} seconds and was ended: set "delve" in the launch arguments to a dlv of version 1.8 or later that runs on this machine.`,
    ),
  delveUnreachable: (address: string, reason: string): UserError =>
    shown(
      4103,
      `No Delve answers at ${address} (${reason}): start one there with "dlv dap" or "dlv --headless", or correct "host" and "port".`,
    ),
  remoteWithoutPort: (): UserError =>
    shown(4104, 'Attaching in mode "remote" needs "port" (and "host", when Delve runs on another machine).'),
  delveGone: (): UserError => quiet(4105, 'Delve has ended, so this session can answer nothing more: start it again.'),
  kernelRequired: (reason: string): UserError =>
    shown(4106, `"kernel" is "required", but the kernel cannot be used here: ${reason}`),
  badArgument: (name: string, wanted: string): UserError =>
    shown(4107, `The launch argument "${name}" must be ${wanted}.`),
  sessionEnding: (): UserError => quiet(4108, 'The session is ending; start it again.'),
  notPrepared: (): UserError => quiet(3000, 'No debug session started: Use launch or attach request first.'),
  noInitialize: (detail: string): UserError => quiet(3002, `Failed to initialize: ${detail}`),
  console: (message: string): UserError => quiet(4109, message),
  alreadyStarted: (): UserError => shown(4110, 'This session has a program already: end it before starting another.'),
  /** Without a debugger. */
  noProbeMode: (reason: string): UserError => shown(4111, `The program cannot be probed: ${reason}`),
  withoutDebugger: (command: string): UserError =>
    quiet(
      4112,
      `"${command}" needs a debugger, and a session in mode "probe" has none: set a breakpoint where the program should stop, or start the session with Delve.`,
    ),
  notCaptured: (expression: string, captured: readonly string[]): UserError =>
    quiet(
      4113,
      captured.length === 0
        ? `"${expression}" cannot be shown: nothing was captured here.`
        : `"${expression}" was not captured; what was: ${captured.join(', ')}.`,
    ),
  staleReference: (): UserError => quiet(4114, 'This belongs to an earlier stop: look at the stack again.'),
  probesLost: (reason: string): UserError =>
    shown(4115, `The probes of this session are gone, and the program runs on: ${reason}`),
  misshapen: (command: string, detail: string): UserError =>
    quiet(4116, `The request "${command}" cannot be read: ${detail}.`),
} as const;

/** Thrown by the shells; its message may be shown to a person as it is. */
export class AdapterError extends Error {
  override readonly name = 'AdapterError';
  readonly user: UserError;

  constructor(user: UserError, options?: ErrorOptions) {
    super(user.message, options);
    this.user = user;
  }
}

/** One sentence for whatever was thrown. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
