/** Commands for eBPF authors, and the probe on the function that is looked at: what editors have on keys. */
import { listOf, objectOf, stringOf, textOf } from '../core/message.js';
import { RequestFailure } from './adapter-process.js';
import type { Command } from './command.js';
import { type Desk, selectedFrame } from './desk.js';

const pauseAtNextLoad = async ({ program, screen }: Desk): Promise<void> => {
  await program.request('probelens/pauseAtNextLoad');
  screen.print('The next eBPF program is shown before it is loaded.');
};

/** What the verifier said, the line of source, and the usual cure; `bpf log` has the rest. */
const verifierSummary = async ({ program, screen }: Desk): Promise<void> => {
  const { line, details } = await program.request('probelens/verifierSummary');
  screen.print(stringOf(line) ?? '');
  for (const each of listOf(details)) screen.print(`    ${textOf(each) ?? ''}`);
};

/** Counts the calls of the selected frame's function, or stops counting them. */
const probeHere = async (desk: Desk): Promise<void> => {
  const { program, probes, screen } = desk;
  const text = `${(await selectedFrame(desk)).name} do count`;
  const armed = [...probes].find(([, each]) => each === text)?.[0];
  const expression = armed === undefined ? `probe ${text}` : `unprobe ${armed}`;
  const result = stringOf(objectOf(await program.request('evaluate', { expression, context: 'repl' })).result) ?? '';
  const number = /\d+/.exec(result)?.[0];
  if (armed !== undefined) probes.delete(armed);
  else if (number === undefined) throw new RequestFailure(result);
  else probes.set(number, text);
  screen.print(result.trimEnd());
};

export const asking: readonly Command[] = [
  {
    names: ['nextload'],
    help: 'stops before the next eBPF program is loaded, and shows it; Ctrl+Shift+B, F8',
    needs: 'program',
    run: pauseAtNextLoad,
  },
  {
    names: ['verifier'],
    help: 'summary of the last verifier log; Alt+L. `bpf log` has all of it',
    needs: 'program',
    run: verifierSummary,
  },
  {
    names: ['probehere'],
    help: "counts the calls of the selected frame's function, or stops counting them; Ctrl+Shift+K, F7",
    needs: 'halt',
    run: probeHere,
  },
];
