/** What a request says of its target, checked: which process, who traces it, and how a probe may stop it. */
import { kernelBtf } from '@probelens/bpf';
import type { ProbePlan } from '../plan/plan.js';
import type { ProgramRequest, TaskLayout } from '../program/index.js';
import type { ProbeSpec } from '../spec/spec.js';
import { machineHere } from './machine.js';
import type { AgentTarget } from './protocol.js';
import * as refusal from './refusal.js';

const taskLayout = (): TaskLayout => {
  const btf = kernelBtf();
  return {
    ptrace: btf.offsetOf('task_struct', 'ptrace'),
    parent: btf.offsetOf('task_struct', 'parent'),
    tgid: btf.offsetOf('task_struct', 'tgid'),
  };
};

/** Throws `Refused`. */
export const validTarget = (target: AgentTarget): AgentTarget => {
  const isProcess = (value: unknown): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31;
  if (typeof target !== 'object' || target === null || !isProcess(target.pid))
    throw refusal.badPlan('it names no process');
  const { tracer } = target;
  if (tracer !== undefined && tracer !== null && !isProcess(tracer)) throw refusal.badPlan('its tracer is no process');
  return {
    pid: target.pid,
    tracer: tracer ?? undefined,
    halt: target.halt === true,
    starting: target.starting === true,
  };
};

/** 0 for none. Throws `Refused`. */
export const goroutineId = (id: string | undefined | null): bigint => {
  if (id === undefined || id === null) return 0n;
  if (typeof id !== 'string' || !/^\d{1,18}$/.test(id))
    throw refusal.badPlan(`${JSON.stringify(id)} is no goroutine id`);
  return BigInt(id);
};

export const stopOf = (plan: ProbePlan, target: AgentTarget): ProgramRequest['stop'] => {
  if (plan.spec.action.kind !== 'stop') return { kind: 'none' };
  // On arm64 the program counter stays on the breakpoint, so that Delve would not see a stop (target_exec.go).
  if (target.tracer !== undefined && machineHere() === 'amd64')
    return { kind: 'trap', tracer: target.tracer, task: taskLayout() };
  return target.halt === true ? { kind: 'halt' } : { kind: 'none' };
};

export const sourceStopOf = (spec: ProbeSpec, target: AgentTarget): 'none' | 'arm' | 'halt' => {
  if (spec.action.kind !== 'stop') return 'none';
  if (target.tracer !== undefined && machineHere() === 'amd64') return 'arm';
  return target.halt === true ? 'halt' : 'none';
};
