/** What a person reads when something cannot be done: one sentence each, and the session goes on where it can. */

import { buildFixture, privateCopy } from '../fixture-build.js';
import type { DebugSession } from './dap-session.js';
import type { Program } from './programs.js';
import type { Stage } from './stage.js';

interface Refusal {
  readonly title: string;
  /** Words that the sentence must have. */
  readonly about: RegExp;
  readonly ask: (session: DebugSession) => Promise<string>;
}

const size = ['100'];

/** Message of the breakpoint; the program runs to its end afterwards. */
const answerTo = async (session: DebugSession, launch: Parameters<DebugSession['launch']>[0]): Promise<string> => {
  const [answer] = await session.launch(launch);
  await session.runToEnd();
  return answer?.message ?? '';
};

/** The adapter's error when the launch itself fails. */
const launchError = async (session: DebugSession, args: object): Promise<string> => {
  await session.initialize();
  try {
    await session.request('launch', { mode: 'exec', outputMode: 'remote', ...args });
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
  return '';
};

/** The agent as somebody without privileges would start it. */
const unprivilegedAgent = (stage: Stage): readonly string[] => {
  const agent = [...stage.command, 'agent'];
  return process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups', ...agent] : agent;
};

const refusals = (stage: Stage, program: Program, stripped: string): readonly Refusal[] => {
  const condition = program.rare;
  const launch = { program: program.path, args: size, kernel: 'auto' } as const;
  return [
    {
      title: 'unknown function',
      about: /main\.prise/,
      ask: (session) => answerTo(session, { ...launch, breakpoints: [{ name: 'main.prise', condition }] }),
    },
    {
      title: 'stripped program',
      about: /debug information|DWARF|stripped/i,
      ask: (session) =>
        answerTo(session, { ...launch, program: stripped, breakpoints: [{ name: program.function, condition }] }),
    },
    {
      title: 'Delve is missing',
      about: /Delve was not found/,
      ask: (session) => launchError(session, { program: program.path, args: size, delve: '/nonexistent/dlv' }),
    },
    {
      title: 'privileges are missing',
      about: /privilege|capabilit|root|CAP_/i,
      ask: async (session) => {
        const agent = unprivilegedAgent(stage);
        await answerTo(session, { ...launch, agent, breakpoints: [{ name: program.function, condition }] });
        // Said once for the session, not at every breakpoint.
        return /^Breakpoints stay with Delve: .*$/m.exec(session.programOutput + session.console)?.[0] ?? '';
      },
    },
  ];
};

const isSentence = (text: string): boolean =>
  /[.!?]$/.test(text) && !/^\s+at /m.test(text) && !text.includes('undefined');

export const demonstrateRefusals = async (stage: Stage, program: Program): Promise<void> => {
  const { page } = stage;
  const stripped = await privateCopy(await buildFixture('orders', { flags: ['-ldflags=-s -w'] }), stage.directory);
  for (const { title, about, ask } of refusals(stage, program, stripped)) {
    page.working(title);
    const session = stage.session();
    const said = await ask(session);
    await session.close();
    page.check(about.test(said) && isSentence(said), title);
    page.line(`    ${said}`);
  }
};
