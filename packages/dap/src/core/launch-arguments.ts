/** Launch and attach arguments: ours are read and taken out, the rest is Delve's. */
import { errors, type UserError } from '../errors.js';
import { listOf, numberOf, objectOf, type Request, stringOf, textOf } from './message.js';
import type { KernelWish } from './output.js';
import { withoutOurs } from './own-arguments.js';
import type { KernelMode, Launch } from './state/launch.js';

export const textList = (value: unknown, name: string): readonly string[] | UserError => {
  if (value === undefined || value === null) return [];
  const list = listOf(value);
  const texts = list.map(stringOf).filter((text) => text !== undefined);
  return Array.isArray(value) && texts.length === list.length ? texts : errors.badArgument(name, 'a list of strings');
};

export const isError = (value: unknown): value is UserError =>
  typeof value === 'object' && value !== null && 'showUser' in value;

export const kernelWish = (launch: Launch): KernelWish => ({
  agent: launch.agent,
  substitutePath: launch.forDelve.substitutePath,
});

const kernelModes: readonly KernelMode[] = ['auto', 'off', 'required'];

/** Reads the arguments; a UserError names the one that is wrong. */
export const readLaunch = (request: Request): Launch | UserError => {
  const args = objectOf(request.arguments);
  const kernel = kernelModes.find((mode) => mode === (args.kernel ?? 'auto'));
  if (kernel === undefined) return errors.badArgument('kernel', '"auto", "off" or "required"');
  const probes = textList(args.probes, 'probes');
  if (isError(probes)) return probes;
  const agent = textList(args.agent, 'agent');
  if (isError(agent)) return agent;
  const steps = args.steps ?? 'goroutine';
  if (steps !== 'goroutine' && steps !== 'process') return errors.badArgument('steps', '"goroutine" or "process"');

  const forDelve: Record<string, unknown> = { ...withoutOurs(args) };
  const redirected = textOf(args.stdoutTo) !== undefined || textOf(args.stderrTo) !== undefined;
  // A core file and a recording print nothing, and Delve waits for the end of their output when it disconnects.
  const prints = request.command === 'launch' && args.mode !== 'core' && args.mode !== 'replay';
  // Without it Delve prints the program's output on its own stdout, where nobody looks.
  if (prints && args.outputMode === undefined && !redirected) forDelve.outputMode = 'remote';

  const remote = args.mode === 'remote';
  const traced = args.mode !== 'core' && args.mode !== 'replay' && args.noDebug !== true;
  return {
    request,
    forDelve,
    kernel: traced ? kernel : 'off',
    agent: agent.length === 0 ? undefined : agent,
    probes,
    steps,
    live: request.command === 'attach',
    pid: request.command === 'attach' && !remote ? numberOf(args.processId) : undefined,
    remote,
  };
};
