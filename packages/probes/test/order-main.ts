/** Opens a gate and its sentinel the wrong way or the right way, and waits to be killed. */
import { closeSync, openSync } from 'node:fs';
import { Assembler, attachUprobeMulti, type Link, loadProgram } from '@probelens/bpf';

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
} else if (order === 'gate-first') {
  open(gate);
  open(sentinel);
} else {
  // Gate first in time, sentinel first in descriptor number: as it comes about when a number is used again.
  const hole = openSync('/dev/null', 'r');
  open(gate);
  closeSync(hole);
  open(sentinel);
}
console.log('armed');
setInterval(() => links.length, 1_000);
