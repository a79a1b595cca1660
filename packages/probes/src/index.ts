export type * from './agent/protocol.js';
export * from './client/client.js';
export { agentCommand, isPrivileged } from './client/command.js';
export { AgentFailure, type AgentFailureCode } from './client/errors.js';
export type * from './events.js';
export type * from './plan/expression.js';
export type * from './plan/plan.js';
export type * from './spec/spec.js';
export { formatProbeText, type ParsedProbe, parseProbeText } from './spec/text.js';
