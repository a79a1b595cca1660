/** Why an agent could not be started or spoken to. Each factory is one sentence with the next step. */

export type AgentFailureCode =
  | 'agent-not-found'
  | 'agent-not-privileged'
  | 'agent-wrong-protocol'
  | 'agent-garbled'
  | 'agent-silent'
  | 'agent-ended'
  | 'agent-refused';

export class AgentFailure extends Error {
  override readonly name = 'AgentFailure';
  /** An `AgentFailureCode`, or what the agent itself answered: "wrong-build-id", "not-your-process". */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const shown = (command: readonly string[]): string => `"${command.join(' ')}"`;

export const agentNotFound = (command: readonly string[], cause?: unknown): AgentFailure =>
  new AgentFailure(
    'agent-not-found',
    `The probe agent could not be started: ${shown(command.slice(0, 1))} was not found or may not be run; set "agent" to a command that starts \`probelens agent\`.`,
    { cause },
  );

export const agentNotPrivileged = (said: string): AgentFailure =>
  new AgentFailure(
    'agent-not-privileged',
    `The probe agent needs privileges and \`sudo -n\` was refused (${said}); \`probelens doctor\` prints the one sudoers line that allows it.`,
  );

export const agentWrongProtocol = (ours: number, theirs: unknown): AgentFailure =>
  new AgentFailure(
    'agent-wrong-protocol',
    `The probe agent speaks protocol ${String(theirs)} and this side protocol ${ours}; install the same version of probelens on both sides.`,
  );

export const agentGarbled = (command: readonly string[], what: string): AgentFailure =>
  new AgentFailure(
    'agent-garbled',
    `The output of ${shown(command)} is not the probe agent's: ${what}; run it by hand, and see that nothing but \`probelens agent\` prints there, no greeting of a shell for example.`,
  );

export const agentSilent = (command: readonly string[], seconds: number): AgentFailure =>
  new AgentFailure(
    'agent-silent',
    `The probe agent did not answer within ${seconds} s; run ${shown(command)} by hand and see whether it waits for something, a password for example.`,
  );

export const agentEnded = (how: string, said: string): AgentFailure =>
  new AgentFailure(
    'agent-ended',
    `The probe agent ended (${how})${said === '' ? '' : `: ${said}`}; its probes are out of the kernel, start the session again to have them back.`,
  );

export const agentEndedAtOnce = (command: readonly string[], how: string, said: string): AgentFailure =>
  new AgentFailure(
    'agent-ended',
    `The probe agent ended before it answered (${how})${said === '' ? '' : `: ${said}`}; run ${shown(command)} by hand to see why.`,
  );

/** The agent's own refusal, already a sentence. */
export const agentRefused = (code: string | undefined, message: string): AgentFailure =>
  new AgentFailure(code ?? 'agent-refused', message);
