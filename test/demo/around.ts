/** The goroutine's own time around the bug: what it did before, the kernel's hit, Delve's stop. */
import { setTimeout as wait } from 'node:timers/promises';
import type { DebugSession, TimelineEntry } from './dap-session.js';
import type { Program } from './programs.js';
import type { Stage } from './stage.js';

const before = 4;
const widest = 88;

/** The stop and the hit are there at once; what was logged before them comes through another queue. */
const whole = async (session: DebugSession, goroutine: number): Promise<readonly TimelineEntry[]> => {
  const limit = Date.now() + 10_000;
  for (;;) {
    const entries = await session.timeline(goroutine);
    const kinds = new Set(entries.map(({ kind }) => kind));
    const logged = entries.some(({ text }) => text.startsWith('prices order'));
    if ((kinds.has('stop') && logged && kinds.has('hit')) || Date.now() > limit) return entries;
    await wait(50);
  }
};

const row = ({ time, text }: TimelineEntry, zero: bigint): string => {
  const milliseconds = (Number(BigInt(time) - zero) / 1e6).toFixed(3).padStart(9);
  return `    ${milliseconds} ms  ${text.length > widest ? `${text.slice(0, widest)}...` : text}`;
};

/** Throws when the bug is not met. */
export const demonstrateTimeline = async (stage: Stage, program: Program): Promise<void> => {
  const { page } = stage;
  page.line(`the same breakpoint, and two probes that never stop: its orders, and the scheduler of the kernel`);
  const session = stage.session();
  await session.launch({
    program: program.path,
    args: program.run(program.rareSize),
    kernel: 'required',
    breakpoints: [{ name: program.function, condition: program.rare }],
    probes: [
      'main.price if o.ID > 480 do log "prices order {o.ID} of {o.Symbol}"',
      'tracepoint:sched:sched_switch do log',
    ],
  });
  const stop = await session.stop();
  if (stop === undefined) throw new Error('the program ended without its bug');
  const entries = await whole(session, stop.goroutine);
  await session.close();
  const hit = entries.findIndex(({ text }) => text.startsWith('hit of the breakpoint'));
  const at = entries[hit];
  if (at !== undefined) {
    page.line(`goroutine ${stop.goroutine}, times from the hit`);
    for (const entry of entries.slice(Math.max(0, hit - before), hit + 4)) page.line(row(entry, BigInt(at.time)));
  }
  const stopped = entries.findIndex(({ text }, index) => index > hit && text.startsWith('Delve stopped'));
  page.check(
    hit > 0 && stopped > hit && entries.every(({ goroutine }) => goroutine === stop.goroutine),
    "Delve's stop, probe hits and kernel events are on one timeline, by goroutine",
    `${entries.length} entries`,
  );
  page.check(await stage.quiet(), 'nothing is left behind', stage.leftovers());
};
