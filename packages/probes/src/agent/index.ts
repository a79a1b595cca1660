/** The privileged half: the agent and its guard. The only code of this package that touches the kernel. */
export { type AgentStreams, runAgent } from './agent.js';
export { runGuard } from './guard.js';
