/** Commands that let the program run, or stop it. */
import { RequestFailure } from './adapter-process.js';
import type { Command } from './command.js';
import type { Desk } from './desk.js';

const nothing = (rest: string, name: string): void => {
  if (rest !== '') throw new RequestFailure(`\`${name}\` takes no argument.`);
};

const step =
  (command: 'next' | 'stepIn' | 'stepOut', name: string, granularity?: 'instruction') =>
  async ({ program }: Desk, rest: string): Promise<void> => {
    nothing(rest, name);
    await program.resume(command, granularity === undefined ? {} : { granularity });
  };

export const running: readonly Command[] = [
  {
    names: ['continue', 'c'],
    help: 'runs until the next stop; F5',
    needs: 'program',
    repeats: true,
    resumes: true,
    run: async ({ program }, rest) => {
      nothing(rest, 'continue');
      // Attached, or told so a second time: what was asked for is going on.
      if (program.state !== 'running') await program.resume('continue');
    },
  },
  {
    names: ['next', 'n'],
    help: 'to the next line of this function; F10',
    needs: 'halt',
    repeats: true,
    resumes: true,
    run: step('next', 'next'),
  },
  {
    names: ['step', 's'],
    help: 'to the next line, into calls; F11',
    needs: 'halt',
    repeats: true,
    resumes: true,
    run: step('stepIn', 'step'),
  },
  {
    names: ['stepout', 'so', 'out'],
    help: 'until this function returns; Shift+F11',
    needs: 'halt',
    repeats: true,
    resumes: true,
    run: step('stepOut', 'stepout'),
  },
  {
    names: ['step-instruction', 'si'],
    help: 'one machine instruction',
    needs: 'halt',
    repeats: true,
    resumes: true,
    run: step('stepIn', 'step-instruction', 'instruction'),
  },
  {
    names: ['pause', 'halt'],
    help: 'stops the program; Ctrl+C, F6',
    needs: 'program',
    resumes: true,
    run: async ({ program, screen }, rest) => {
      nothing(rest, 'pause');
      if (program.state === 'running') await program.pause();
      else screen.print('The program stands still already.');
    },
  },
  {
    names: ['restart', 'r'],
    help: 'starts the program again, with the breakpoints and probes of this session; Ctrl+Shift+F5',
    needs: 'nothing',
    run: async (desk, rest) => {
      nothing(rest, 'restart');
      if (desk.attached) throw new RequestFailure('Only a program that was started from here can be started again.');
      await desk.restart();
    },
  },
];
