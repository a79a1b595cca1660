/** Builds the agent's program from the sources and starts it through the client, as an adapter would. */
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { root } from '../../../test/delve.js';
import { type AgentClient, type StartAgentOptions, startAgent } from '../src/client/client.js';

/** Native and WebAssembly packages stay where they are: the bundle lies outside every package that has them. */
const native: Plugin = {
  name: 'native-packages',
  setup(plugin) {
    const owners: Readonly<Record<string, string>> = {
      koffi: '../../bpf/package.json',
      'iced-x86': '../package.json',
      'web-tree-sitter': '../package.json',
    };
    plugin.onResolve({ filter: /^(koffi|iced-x86|web-tree-sitter)$/ }, ({ path }) => {
      const owner = owners[path];
      if (owner === undefined) return undefined;
      const require = createRequire(fileURLToPath(new URL(owner, import.meta.url)));
      return { path: require.resolve(path), external: true };
    });
  },
};

const built = new Map<string, Promise<string>>();

/** Path of a bundled program of this directory; built once for each test process. */
export const testProgram = (entry: string): Promise<string> => {
  let program = built.get(entry);
  if (program === undefined) {
    program = bundle(entry);
    built.set(entry, program);
  }
  return program;
};

export const agentProgram = (): Promise<string> => testProgram('agent-main.ts');

const bundle = async (entry: string): Promise<string> => {
  const result = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@probelens/source'],
    plugins: [native],
    banner: {
      js: `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(${JSON.stringify(
        new URL('../../bpf/package.json', import.meta.url).href,
      )});`,
    },
  });
  const code = result.outputFiles[0]?.contents ?? new Uint8Array();
  const directory = join(root, '.cache/agent');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`);
  // Under a name of its own first: another test process may be about to start the same bundle.
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, code);
  renameSync(draft, path);
  return path;
};

export const agentCommandLine = async (): Promise<readonly string[]> => [process.execPath, await agentProgram()];

export const startTestAgent = async (options: Partial<StartAgentOptions> = {}): Promise<AgentClient> =>
  startAgent({ command: await agentCommandLine(), ...options });

/** A program that was just started may not have had a processor yet. */
export const hitsReach = async (agent: AgentClient, probe: number, hits: number): Promise<void> => {
  for (;;) {
    const counters = (await agent.counters()).find((each) => each.probe === probe);
    if (counters === undefined) throw new Error(`there is no probe ${probe}`);
    if (counters.hits >= hits) return;
  }
};
