/** The agent as a program, for tests: bundled by `agent-process.ts`, started by the real client. */
import { runAgent } from '../src/agent/agent.js';
import { runGuard } from '../src/agent/guard.js';

process.exitCode =
  process.argv[2] === 'guard'
    ? await runGuard({ input: process.stdin })
    : await runAgent({ input: process.stdin, output: process.stdout, exit: (code) => process.exit(code) });
