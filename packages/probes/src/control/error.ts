/** Anything that goes wrong between a session and those who connect to it. `message` is a sentence with the next step. */
export class ControlError extends Error {
  /** @param code stable, kebab-case; travels over the socket. */
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ControlError';
  }
}

export const isControlError = (error: unknown): error is ControlError => error instanceof ControlError;

/** `code` of a failed system call ("ENOENT"), undefined for any other error. */
export const systemErrorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
