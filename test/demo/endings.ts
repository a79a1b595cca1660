/**
 * A service that must go on: a session is attached to it with a condition in the kernel and ends in different ways. Each
 * time the service has to be alive, its machine code unchanged, nothing left in the kernel; and at the end it says
 * itself whether one of its results was wrong.
 */
import type { DebugSession } from './dap-session.js';
import { changedCodeBytes, killProcess, processState } from './leftovers.js';
import { thousands } from './page.js';
import type { Program } from './programs.js';
import { Service } from './service.js';
import type { Stage } from './stage.js';

interface Ending {
  readonly title: string;
  readonly end: (stage: Stage, session: DebugSession) => Promise<void>;
}

const killed = async (stage: Stage, word: string): Promise<void> => {
  const agents = stage.processes().filter(({ command }) => command.includes(word));
  if (agents.length === 0) throw new Error(`there is no probelens ${word} to kill`);
  for (const { pid } of agents) killProcess(pid);
};

const endings: readonly Ending[] = [
  {
    title: 'disconnect without terminate',
    end: async (_, session) => {
      await session.request('disconnect', { terminateDebuggee: false });
      await session.close();
    },
  },
  {
    title: 'SIGKILL of the adapter',
    end: async (_, session) => {
      session.process.kill('SIGKILL');
      await session.exited;
    },
  },
  {
    title: 'SIGKILL of the agent',
    end: async (stage, session) => {
      await killed(stage, 'agent');
      await session.request('disconnect', { terminateDebuggee: false });
      await session.close();
    },
  },
];

/** Two stops, so that the gate is known to work; the program runs when this resolves. */
const stopTwice = async (session: DebugSession): Promise<number> => {
  let stops = 0;
  for (; stops < 2; stops++) {
    const stop = await session.stop();
    if (stop === undefined) break;
    await session.continue(stop);
  }
  return stops;
};

/**
 * Bytes that differ when nothing changes any more. A killed process closes its links while it exits, the last of them
 * after it has disappeared from /proc in all but its number.
 */
const codeRestored = async (pid: number, path: string): Promise<number> => {
  const limit = Date.now() + 5_000;
  let changed = changedCodeBytes(pid, path);
  while (changed > 0 && Date.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    changed = changedCodeBytes(pid, path);
  }
  return changed;
};

const tryEnding = async (stage: Stage, program: Program, ending: Ending): Promise<boolean> => {
  const { page } = stage;
  page.working(ending.title);
  const service = await Service.start(stage, program);
  const session = stage.session();
  const breakpoints = [{ name: program.function, condition: 'o.ID % 5000 == 1234' }];
  await session.attach(service.pid, { kernel: 'required', breakpoints });
  const stops = await stopTwice(session);
  // What is looked for afterwards has to be there now, or looking proves nothing.
  const armed = stage.newLinks() > 0 && changedCodeBytes(service.pid, program.path) > 0;
  await ending.end(stage, session);
  const quiet = await stage.quiet([service.pid]);
  const left = stage.leftovers([service.pid]);
  const state = processState(service.pid);
  const alive = state === 'S' || state === 'R';
  const changed = alive ? await codeRestored(service.pid, program.path) : undefined;
  const report = await service.finish();
  const unharmed = alive && changed === 0 && report !== undefined && report.wrong === 0;
  const holds = stops === 2 && armed && quiet && unharmed;
  page.check(
    holds,
    ending.title,
    report === undefined
      ? `the service died; state ${state ?? 'gone'}, ${left}`
      : `${thousands(report.calls)} orders priced, ${report.wrong} wrong, ${changed ?? '?'} bytes of code changed; ${left}`,
  );
  return holds;
};

/** Number of endings that harmed nothing, of how many. */
export const demonstrateEndings = async (stage: Stage, program: Program): Promise<readonly [number, number]> => {
  let harmless = 0;
  for (const ending of endings) if (await tryEnding(stage, program, ending)) harmless++;
  return [harmless, endings.length];
};
