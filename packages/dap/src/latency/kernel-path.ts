/** Between the kernel and the adapter's process: the floor, arming, hits and system calls. */
import { openGoBinary } from '@probelens/gosym';
import { type AgentClient, loadPlanner, type ProbePlan, type ProbeSpec, parseProbeText } from '@probelens/probes';
import { execa } from 'execa';
import { Arrivals } from './arrivals.js';
import { answerCall, type DelveServer, requestFunction } from './delve-server.js';
import { LatencyError } from './latency-error.js';
import { now, within } from './patience.js';

export type Samples = readonly bigint[];

/** One byte to `cat` and back, through two pipes: what no message between processes can beat here. */
export const pipeRoundTrips = async (count: number): Promise<Samples> => {
  const cat = execa('cat', { stdin: 'pipe', stdout: 'pipe', stderr: 'ignore', buffer: false, reject: false });
  let came: () => void = () => undefined;
  cat.stdout.on('data', () => came());
  const samples: bigint[] = [];
  try {
    for (let round = 0; round < count; round++) {
      const back = new Promise<void>((resolve) => {
        came = resolve;
      });
      const sent = now();
      cat.stdin.write('x');
      await within(back, 'A byte through a pipe');
      samples.push(now() - sent);
    }
  } finally {
    cat.stdin.end();
    await cat;
  }
  return samples;
};

const specOf = (text: string): ProbeSpec => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw new LatencyError(`The probe "${text}" cannot be read: ${parsed.message}.`);
  return parsed.spec;
};

/** Threads of a process that make a system call; id of the probe. */
export const armCall = async (agent: AgentClient, text: string, pid: number): Promise<number> => {
  const { probe } = await agent.armSource({
    spec: specOf(text),
    target: { pid, tracer: undefined },
    runtime: undefined,
  });
  return probe;
};

/** kill(2) with signal 0 of this process to itself: an event with nothing to read and nobody else at work. */
export const emptyTracepoint = async (agent: AgentClient, count: number): Promise<Samples> => {
  const arrivals = new Arrivals(agent);
  const probe = await armCall(agent, 'tracepoint:syscalls:sys_enter_kill do log', process.pid);
  const samples: bigint[] = [];
  for (let round = 0; round < count; round++) {
    const next = arrivals.next(probe, now());
    process.kill(process.pid, 0);
    const { event, arrived } = await next;
    samples.push(arrived - BigInt(event.time));
  }
  await agent.disarm(probe);
  return samples;
};

export const requestPlan = async (path: string): Promise<ProbePlan> => {
  const [planner, binary] = [await loadPlanner(), await openGoBinary(path)];
  try {
    const result = planner.plan(specOf(`${requestFunction} do log`), binary, { use: 'log' });
    if (result.ok) return result.plan;
    throw new LatencyError(
      `${path} cannot be probed: ${result.refusal.message}; name another Delve with --delve PATH.`,
    );
  } finally {
    planner.dispose();
    binary.close();
  }
};

export const requestToArmed = async (
  agent: AgentClient,
  plan: ProbePlan,
  pid: number,
  count: number,
): Promise<Samples> => {
  const samples: bigint[] = [];
  for (let round = 0; round < count; round++) {
    const asked = now();
    const { probe } = await agent.arm({ plan, target: { pid, tracer: undefined } });
    samples.push(now() - asked);
    await agent.disarm(probe);
  }
  return samples;
};

/** From the kernel's time of each event of a probe to its arrival, while Delve answers requests. */
const eventsOf = async (arrivals: Arrivals, probe: number, delve: DelveServer, count: number): Promise<Samples> => {
  const samples: bigint[] = [];
  for (let round = 0; round < count; round++) {
    const next = arrivals.next(probe, now());
    const [{ event, arrived }] = await Promise.all([next, delve.poke()]);
    samples.push(arrived - BigInt(event.time));
  }
  return samples;
};

export const hitToEvent = async (
  agent: AgentClient,
  plan: ProbePlan,
  delve: DelveServer,
  count: number,
): Promise<Samples> => {
  const arrivals = new Arrivals(agent);
  const { probe } = await agent.arm({ plan, target: { pid: delve.pid, tracer: undefined } });
  const samples = await eventsOf(arrivals, probe, delve, count);
  await agent.disarm(probe);
  return samples;
};

export const callToEvent = async (agent: AgentClient, delve: DelveServer, count: number): Promise<Samples> => {
  const arrivals = new Arrivals(agent);
  const probe = await armCall(agent, answerCall, delve.pid);
  const samples = await eventsOf(arrivals, probe, delve, count);
  await agent.disarm(probe);
  return samples;
};
