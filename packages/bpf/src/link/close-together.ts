/**
 * Links of which one may not outlive the other, closed so that not even SIGKILL comes between them.
 *
 * A uprobe that is taken out while SIGKILL waits for the very thread stays in the program's text: the kernel gives up
 * reading the page (mm/gup.c, EINTR) and says "failed to unregister, leaking uprobe" (kernel/events/uprobes.c). Were the links
 * closed by a call each, the newer one could stay in that way and the older one go when the process exits, where nothing is
 * waiting any more. Of descriptors that one close_range(2) closes, the kernel lets go on the way out of the call, last
 * one first (fs/file_table.c, kernel/task_work.c); a signal that arrives meanwhile waits until it is done with all. So what
 * stays is always the older link, or both.
 */
import { openSync } from 'node:fs';
import { refusal } from '../refusal.js';
import { closeDescriptor, closeDescriptors, duplicate } from '../syscall.js';
import { DescriptorLink, type Link } from './link.js';

/** Other threads open and close files meanwhile, though hardly above all that is open. */
const attempts = 16;

const isRow = (fds: readonly number[]): boolean => fds.every((fd, index) => fd === (fds[0] ?? 0) + index);

/** Second descriptors of the same files with one number after the other; undefined when there is no room for them. */
function row(fds: readonly number[]): readonly number[] | undefined {
  let from = Math.max(...fds) + 1;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const copies: number[] = [];
    for (const fd of fds) {
      const copy = duplicate(fd, from + copies.length);
      if (copy >= 0) copies.push(copy);
      if (copy !== from + copies.length - 1) break;
    }
    if (copies.length === fds.length && isRow(copies)) return copies;
    for (const copy of copies) closeDescriptor(copy);
    // No number at all was free for the first one.
    if (copies.length === 0) return undefined;
    from = Math.max(from, ...copies) + 1;
  }
  return undefined;
}

/** Throws KernelError where there is no close_range. */
export function tryCloseRange(): void {
  const fd = openSync('/dev/null', 'r');
  const result = closeDescriptors(fd, fd);
  if (result >= 0) return;
  closeDescriptor(fd);
  throw refusal('close_range', -result, 'a descriptor');
}

/**
 * Detaches the links, the last one first, so that none stays in whose predecessor is gone, whatever happens meanwhile.
 * Where the kernel has no close_range (features().closeRange) they are closed one by one, in the same order.
 */
export function closeTogether(links: readonly Link[]): void {
  const fds: number[] = [];
  for (const link of links) {
    if (!(link instanceof DescriptorLink)) throw new TypeError(`${link.description} is no link of descriptors`);
    fds.push(...link.release());
  }
  const inOrder = isRow(fds) ? fds : row(fds);
  if (inOrder !== undefined && inOrder !== fds) for (const fd of fds) closeDescriptor(fd);
  const left = inOrder ?? fds;
  const [first, last] = [left[0], left.at(-1)];
  if (first === undefined || last === undefined) return;
  const closed = inOrder !== undefined && left.length > 1 && closeDescriptors(first, last) === 0;
  if (!closed) for (const fd of left.toReversed()) closeDescriptor(fd);
}
