/** Opens a gate and its sentinel the wrong way or the right way, may close them, and waits to be killed. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { Assembler, attachUprobeMulti, closeTogether, type Link, loadProgram } from '@probelens/bpf';

const [, , path = '', gate = '', sentinel = '', order = '', pid = ''] = process.argv;
const program = loadProgram({
  type: 'kprobe',
  name: 'probelens_order',
  instructions: new Assembler().mov('r0', 0).exit().assemble(),
  expectedAttachType: 'uprobe-multi',
});
const links: Link[] = [];
const open = (offset: string): void => {
  links.push(attachUprobeMulti({ program, path, offsets: [Number(offset)], pid: Number(pid) }));
};
if (order === 'sentinel-first') {
  open(sentinel);
  open(gate);
} else if (order === 'number-reversed') {
  // Gate first in time, sentinel first in descriptor number: as it comes about when a number is used again.
  const hole = openSync('/dev/null', 'r');
  open(gate);
  closeSync(hole);
  open(sentinel);
} else {
  open(gate);
  open(sentinel);
}
if (order.startsWith('closed-')) {
  // So long that the kernel must wait for a grace period before it writes again: time to be killed in.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
  writeSync(1, 'armed\n');
  if (order === 'closed-together') closeTogether(links);
  else if (order === 'closed-reversed') closeTogether(links.toReversed());
  else for (const link of links.toReversed()) link.close();
} else console.log('armed');
setInterval(() => links.length, 1_000);
