/** An event of a `crash:` probe as people ask for it: what the records hold is for whoever has the program's tables. */
import type { GoBinary } from '@probelens/gosym';
import type { CapturedValue, ProbeEvent } from '../events.js';
import type { ProbePlan } from '../plan/plan.js';
import { type CrashRecord, readCrash } from './record.js';
import { signalName } from './signal-names.js';

const value = (name: string, type: string, text: string): CapturedValue => ({ name, type, text, faulted: false });

const valuesOf = (record: CrashRecord, { pid, tid }: ProbeEvent): readonly CapturedValue[] => {
  const { what, panics, message, code, signal, fault, createdBy } = record;
  const faults = fault === undefined ? [] : [value('fault', 'string', `${fault.name} at address ${fault.address}`)];
  switch (what) {
    case 'panic':
    case 'recovered':
    case 'fatal-panic':
      return [...panics.map(({ text, type }) => value('panic', type ?? 'nil', text)), ...faults];
    case 'throw':
      return [value('message', 'string', message ?? '?'), ...faults];
    case 'exit':
      return [value('code', 'int', String(code ?? '?'))];
    case 'signal':
      return [value('signal', 'string', signal === undefined ? '?' : signalName(signal.number))];
    case 'thread-exit':
      // The first thread of a process is kept, asleep (mexit, src/runtime/proc.go).
      return [
        value('thread', 'int', String(tid)),
        value('ends', 'bool', String(tid !== pid)),
        value('createdBy', 'string', createdBy?.function ?? '?'),
      ];
  }
};

/** The same event with one value, or one for each panic, and the fault that they came of; any other event as it is. */
export const readableCrash = (event: ProbeEvent, plan: ProbePlan | undefined, binary: GoBinary): ProbeEvent => {
  const record = plan === undefined ? undefined : readCrash(event, plan, binary);
  if (record === undefined) return event;
  const { probe, number, time, cpu, pid, tid, faulted, trapped, because, site, stack, stackTop } = event;
  const goid = record.goroutine;
  const values = valuesOf(record, event);
  return { probe, number, time, cpu, pid, tid, goid, faulted, trapped, because, site, values, stack, stackTop };
};
