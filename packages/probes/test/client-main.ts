/** A client that is there to be killed: arms what its argument says, and waits. */
import { readFileSync } from 'node:fs';
import { startAgent } from '../src/client/client.js';

const { command, params } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const agent = await startAgent({ command });
console.log(`agent ${agent.hello.pid}`);
await agent.arm(params);
console.log('armed');
agent.onClosed(() => process.exit(0));
