/** Turns whatever was thrown into one sentence and an exit code. */
import { exitCode, UsageError } from './command.js';
import { isSystemError, type SystemError } from './output.js';

export interface Failure {
  readonly message: string;
  readonly code: number;
}

/** Errors of our own packages carry a finished sentence; they are told by name, so that none has to be loaded here. */
const sentences = new Set([
  'FormatError',
  'AgentFailure',
  'ControlError',
  'KernelError',
  'SessionError',
  'CommandError',
  'LatencyError',
  'RequestFailure',
]);

/** A sentence for the person, from a subcommand. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

const systemReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path',
  EACCES: 'it may not be opened; check its permissions',
  EPERM: 'it is not permitted; run it as root or see `probelens doctor`',
  EISDIR: 'it is a directory; name a file in it',
  EADDRINUSE: 'the address is in use; choose another port',
  ENOSPC: 'the disk is full; make room and try again',
};

const systemSentence = (error: SystemError): string => {
  const what = error.path ?? (error.syscall === 'write' ? 'The output cannot be written' : 'The system call');
  const reason =
    systemReasons[error.code] ?? `it failed with ${error.code}; run again with PROBELENS_DEBUG=1 for details`;
  return `${what}: ${reason}.`;
};

/** The libraries' messages are made to be put into other sentences as well. */
const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

export const describeFailure = (error: unknown): Failure => {
  if (error instanceof UsageError) return { message: error.message, code: exitCode.usage };
  if (isSystemError(error)) return { message: systemSentence(error), code: exitCode.failed };
  if (error instanceof Error && sentences.has(error.name)) {
    return { message: sentence(error.message), code: exitCode.failed };
  }
  const what = error instanceof Error ? error.message : String(error);
  return {
    message: `probelens made a mistake (${what.replaceAll('\n', ' ')}); run again with PROBELENS_DEBUG=1 and report what it prints.`,
    code: exitCode.failed,
  };
};
