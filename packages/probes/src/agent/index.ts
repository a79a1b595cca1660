/** The privileged half: the agent and its guard. The only code of this package that touches the kernel. */
export { type AgentOptions, runAgent } from './agent.js';
export { type GuardOptions, runGuard } from './guard.js';
