/** Why a trace does not start: one sentence each. */
import { AgentFailure } from '../client/errors.js';

export const badProbeText = (text: string, position: number, message: string): AgentFailure =>
  new AgentFailure('bad-probe-text', `The probe "${text}" cannot be read: ${message} (at character ${position + 1}).`);

export const notPlanned = (text: string, code: string, message: string): AgentFailure =>
  new AgentFailure(
    code,
    `The probe "${text}" cannot be placed: ${message.replace(/; (?:the condition|it) stays with the debugger\.$/, '; leave it out, or use a debug session.')}`,
  );

export const needsDebugger = (text: string): AgentFailure =>
  new AgentFailure(
    'needs-debugger',
    `The probe "${text}" stops the program and a trace has nobody who would continue it; write \`do log\`, \`do count\` or \`do snapshot\`, or use a debug session.`,
  );

export const noCurrentGoroutine = (text: string): AgentFailure =>
  new AgentFailure(
    'no-current-goroutine',
    `The probe "${text}" is for the current goroutine, which only a debug session has; write \`on goroutine N\` or \`on main\`.`,
  );

export const noGoroutines = (text: string): AgentFailure =>
  new AgentFailure(
    'no-goroutines',
    `The probe "${text}" is for a goroutine, and this is no Go program; leave out \`on ...\`.`,
  );

export const needsProgram = (text: string): AgentFailure =>
  new AgentFailure(
    'needs-program',
    `The probe "${text}" is for one program: name it, or its process with --pid N; only bpf: probes look at the whole machine.`,
  );

export const notListed = (text: string, number: number, of: number): AgentFailure =>
  new AgentFailure(
    'no-such-probe',
    `The probe "${text}" names probe ${number}, and ${of === 1 ? 'there is only this one' : `there are ${of}`}, counted from 1 in the order of the command; correct the number.`,
  );

export const noProbes = (): AgentFailure =>
  new AgentFailure(
    'no-probes',
    'There is nothing to trace; name at least one probe, for example "main.main do count".',
  );

export const notStarted = (path: string, why: string): AgentFailure =>
  new AgentFailure('not-started', `${path} could not be started: ${why}; check that it is an executable file.`);

export const otherMachine = (path: string, machine: string, here: string): AgentFailure =>
  new AgentFailure(
    'other-machine',
    `${path} is built for ${machine} and this machine runs ${here}; build it with GOARCH=${here}, or trace it where it runs.`,
  );

export const noProcess = (pid: number): AgentFailure =>
  new AgentFailure(
    'no-such-process',
    `There is no process ${pid} that may be looked at; give the id of a running program of yours.`,
  );

export const noGoCode = (found: string): AgentFailure =>
  new AgentFailure(
    'no-go-code',
    `${found}; where it loads Go code as a shared library, name that with --library FILE.`,
  );

export const isLibrary = (path: string): AgentFailure =>
  new AgentFailure(
    'is-library',
    `${path} is a library, which cannot be started: name the program that loads it, or its process with --pid N, and add --library ${path}.`,
  );

export const codeInLibrary = (pid: number, libraries: readonly string[]): AgentFailure =>
  new AgentFailure(
    'code-in-library',
    `Process ${pid} is no Go program itself, but has loaded Go code: add --library ${libraries.join(' or --library ')}.`,
  );
