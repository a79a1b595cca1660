/** What can be known of the program now, in one file: for the moment before it is given up. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type JsonObject, listOf, numberOf, objectOf, stringOf, textOf } from '../core/message.js';
import { RequestFailure } from './adapter-process.js';
import { breakpointText } from './breakpoints.js';
import type { Desk } from './desk.js';

/** Each costs a round trip to Delve; it lists no more than 1,024 itself. */
const mostStacks = 200;

const section = (title: string, lines: readonly string[]): string => [`== ${title}`, ...lines, ''].join('\n');

/** What a failed part says instead of its lines: the rest is worth having all the same. */
const lines = async (work: () => Promise<readonly string[]>): Promise<readonly string[]> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RequestFailure) return [`(${error.message})`];
    throw error;
  }
};

const inConsole = async ({ program }: Desk, expression: string): Promise<readonly string[]> => {
  const { result } = await program.request('evaluate', { expression, context: 'repl' });
  return [stringOf(result) ?? ''];
};

const stackOf = async (desk: Desk, thread: JsonObject): Promise<readonly string[]> => {
  const threadId = numberOf(thread.id) ?? 0;
  const answer = await desk.program.request('stackTrace', { threadId, startFrame: 0, levels: 50 });
  const frames = listOf(answer.stackFrames).map((value) => {
    const { name, line, source } = objectOf(value);
    return `    ${stringOf(name) ?? ''}  ${textOf(objectOf(source).path) ?? ''}:${numberOf(line) ?? 0}`;
  });
  return [stringOf(thread.name) ?? '', ...frames];
};

const goroutines = async (desk: Desk): Promise<readonly string[]> => {
  const { threads } = await desk.program.request('threads');
  const all = listOf(threads).map(objectOf);
  const stacks: string[] = [];
  for (const thread of all.slice(0, mostStacks)) stacks.push(...(await lines(() => stackOf(desk, thread))));
  if (all.length > mostStacks) stacks.push(`(${all.length - mostStacks} more goroutines)`);
  return stacks;
};

/** A stop that an exception made: a panic, a fatal error, a signal. */
const crash = async ({ program }: Desk): Promise<readonly string[]> => {
  if (program.goroutine === undefined) return ['(none)'];
  const { exceptionId, description } = await program.request('exceptionInfo', { threadId: program.goroutine });
  return [`${stringOf(exceptionId) ?? ''}: ${stringOf(description) ?? ''}`];
};

/** Pauses a program that runs: only one that stands still has stacks. Path of the file that was written. */
export const capture = async (desk: Desk, name: string): Promise<string> => {
  const { program } = desk;
  if (program.state === 'running') {
    await program.pause();
    await program.untilHalt();
  }
  const now = new Date().toISOString();
  const text = [
    section('probelens debug', [
      `${now}, process ${program.pid ?? 'unknown'}, ${program.path ?? ''}, ${program.state}`,
    ]),
    section('goroutines', await lines(() => goroutines(desk))),
    section('last crash', await lines(() => crash(desk))),
    section('breakpoints', desk.breakpoints.all.map(breakpointText)),
    section('probes', await lines(() => inConsole(desk, 'probes'))),
    section('timeline', await lines(() => inConsole(desk, 'timeline'))),
  ].join('\n');
  const path = name === '' ? join(desk.stateDirectory, `capture-${now.replaceAll(':', '-')}.txt`) : resolve(name);
  try {
    if (name === '') mkdirSync(desk.stateDirectory, { recursive: true, mode: 0o700 });
    // Stacks and probes hold the program's data.
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new RequestFailure(`${path} cannot be written (${String(error.code)}); name another file.`);
  }
  return path;
};
