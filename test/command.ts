/** The real command, for tests that run it as people do. */
import { join } from 'node:path';
import { execa } from 'execa';
import { root } from './delve.js';

let built: Promise<string> | undefined;

/** Bundles the command from the sources of this moment, once per test process; path of the script that node runs. */
export const builtCommand = (): Promise<string> => {
  built ??= (async () => {
    await execa(process.execPath, [join(root, 'packages/cli/build.mjs')]);
    return join(root, 'packages/cli/bin/probelens.js');
  })();
  return built;
};

export interface CommandRun {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `probelens ARGS` and waits for its end, whatever the exit code. */
export const runCommand = async (args: readonly string[], env: Record<string, string> = {}): Promise<CommandRun> => {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [await builtCommand(), ...args], {
    reject: false,
    env,
    stdin: 'ignore',
  });
  return { exitCode, stdout, stderr };
};
