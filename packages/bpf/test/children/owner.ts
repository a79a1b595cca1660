/**
 * Puts one of everything into the kernel for a tiny program (path, offset, pid are its arguments), says "armed", and
 * waits to be told to close ("close" on stdin) or to be killed. The name of every object starts with the last argument.
 */
import {
  Assembler,
  attachPerfEvent,
  attachPerfUprobe,
  attachRawTracepoint,
  attachTracepoint,
  attachUprobeMulti,
  createMap,
  loadProgram,
  type ProgramOptions,
  RingBuffer,
} from '../../src/index.js';

const [path = '', offsetText = '', pidText = '', prefix = ''] = process.argv.slice(2);
const [offset, pid] = [Number(offsetText), Number(pidText)];
const open: { close(): void }[] = [];
const keep = <T extends { close(): void }>(one: T): T => {
  open.push(one);
  return one;
};

const map = keep(createMap({ type: 'ringbuf', name: `${prefix}_ring`, maxEntries: 65_536 }));
keep(createMap({ type: 'lru-hash', name: `${prefix}_lru`, keySize: 8, valueSize: 8, maxEntries: 16 }));
const ring = keep(new RingBuffer(map));
ring.onReadable(() => ring.drain(() => undefined));

const load = (type: ProgramOptions['type'], options: Partial<ProgramOptions> = {}) => {
  const assembler = new Assembler()
    .loadMap('r1', map)
    .mov('r2', 8)
    .mov('r3', 0)
    .call('ringbuf_reserve')
    .jumpIf('r0', '==', 0, 'out')
    .store('r0', 0, 1)
    .mov('r1', 'r0')
    .mov('r2', 0)
    .call('ringbuf_submit')
    .label('out')
    .mov('r0', 0)
    .exit();
  const name = `${prefix}_${type.slice(0, 4)}`;
  return keep(loadProgram({ type, name, instructions: assembler.assemble(), ...options }));
};

const sleepable = load('kprobe', { expectedAttachType: 'uprobe-multi', sleepable: true });
keep(attachUprobeMulti({ program: sleepable, path, offsets: [offset], pid }));
keep(attachUprobeMulti({ program: sleepable, path, offsets: [offset + 4] }));
keep(attachPerfUprobe({ program: load('kprobe'), path, offset, pid }));
keep(attachTracepoint({ program: load('tracepoint'), category: 'sched', name: 'sched_process_exit' }));
keep(attachRawTracepoint({ program: load('raw-tracepoint'), name: 'sched_process_exit' }));
keep(attachPerfEvent({ program: load('perf-event'), event: { type: 'software', name: 'page-faults' }, tid: pid }));

process.stdin.on('data', () => {
  for (const one of open.splice(0).toReversed()) one.close();
  process.stdin.destroy();
  process.stdout.write('closed');
});
process.stdout.write('armed');
