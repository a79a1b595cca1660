/** Between the kernel and the adapter's process: the floor, arming, hits and system calls. */
import { openGoBinary } from '@probelens/gosym';
import { loadPlanner, type ProbePlan, type ProbeSpec, parseProbeText } from '@probelens/probes';
import { execa } from 'execa';
import type { Arrivals } from './arrivals.js';
import { answerCall, type DelveServer, requestFunction } from './delve-server.js';
import { LatencyError } from './latency-error.js';
import { now, within } from './patience.js';
import type { Sampler } from './sampler.js';

/** One byte to `cat` and back, through two pipes: what no message between processes can beat here. */
export const pipeRoundTrip = (): Sampler => {
  const cat = execa('cat', { stdin: 'pipe', stdout: 'pipe', stderr: 'ignore', buffer: false, reject: false });
  let came: () => void = () => undefined;
  cat.stdout.on('data', () => came());
  return {
    take: async () => {
      const back = new Promise<void>((resolve) => {
        came = resolve;
      });
      const sent = now();
      cat.stdin.write('x');
      await within(back, 'A byte through a pipe');
      return now() - sent;
    },
    end: async () => {
      cat.stdin.end();
      await cat;
    },
  };
};

const specOf = (text: string): ProbeSpec => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw new LatencyError(`The probe "${text}" cannot be read: ${parsed.message}.`);
  return parsed.spec;
};

/** Threads of a process that make a system call; id of the probe. */
export const armCall = async ({ agent }: Arrivals, text: string, pid: number): Promise<number> => {
  const { probe } = await agent.armSource({
    spec: specOf(text),
    target: { pid, tracer: undefined },
    runtime: undefined,
  });
  return probe;
};

/** From the kernel's time of an event of this probe to its arrival; `cause` makes one. */
const eventOf = (arrivals: Arrivals, probe: number, cause: () => unknown): Sampler => ({
  take: async () => {
    const next = arrivals.next(probe, now());
    const [{ event, arrived }] = await Promise.all([next, cause()]);
    return arrived - BigInt(event.time);
  },
  end: async () => {
    await arrivals.agent.disarm(probe);
  },
});

/** kill(2) with signal 0 of this process to itself: an event with nothing to read and nobody else at work. */
export const emptyTracepoint = async (arrivals: Arrivals): Promise<Sampler> => {
  const probe = await armCall(arrivals, 'tracepoint:syscalls:sys_enter_kill do log', process.pid);
  return eventOf(arrivals, probe, () => process.kill(process.pid, 0));
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

export const requestToArmed = ({ agent }: Arrivals, plan: ProbePlan, pid: number): Sampler => ({
  take: async () => {
    const asked = now();
    const { probe } = await agent.arm({ plan, target: { pid, tracer: undefined } });
    const armed = now();
    await agent.disarm(probe);
    return armed - asked;
  },
  end: () => Promise.resolve(),
});

export const hitToEvent = async (arrivals: Arrivals, plan: ProbePlan, delve: DelveServer): Promise<Sampler> => {
  const { probe } = await arrivals.agent.arm({ plan, target: { pid: delve.pid, tracer: undefined } });
  return eventOf(arrivals, probe, () => delve.poke());
};

export const callToEvent = async (arrivals: Arrivals, delve: DelveServer): Promise<Sampler> =>
  eventOf(arrivals, await armCall(arrivals, answerCall, delve.pid), () => delve.poke());
