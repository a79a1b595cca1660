export interface LanguageServerOptions {
  /** Language Server Protocol, Content-Length framed. */
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Version of Probelens, told to the client. */
  readonly version: string;
  /** Where live debug sessions are registered; the user's own directory by default. */
  readonly controlDirectory?: string;
}

/**
 * Serves one client until it says `exit` or its stream ends.
 * Resolves with the exit code: 0 after a `shutdown` request, 1 without.
 */
export async function serveLanguage(options: LanguageServerOptions): Promise<number> {
  options.input.resume();
  return 1;
}
