/**
 * The order in which the kernel takes links out when the agent is killed.
 *
 * On exit the kernel closes descriptors in ascending order of their *numbers* and puts each last reference on a task-work
 * list that runs last in, first out (fs/file.c close_files, fs/file_table.c __fput_deferred, kernel/task_work.c): the
 * link with the highest number goes first. Numbers are reused, so a link opened second may have the lower number.
 * A sentinel must never outlive its gate, so it is opened only where every lower number is taken.
 */
import { closeSync, openSync, readdirSync } from 'node:fs';

const openDescriptors = (): readonly number[] => readdirSync('/proc/self/fd').map(Number);

/** Runs `open` and gives the highest descriptor number that it can have used. */
export const withHighestDescriptor = <T>(open: () => T): { readonly value: T; readonly highest: number } => {
  const value = open();
  return { value, highest: Math.max(...openDescriptors()) };
};

/** Runs `open` so that all descriptors it opens are above `lowest`. */
export const withDescriptorsAbove = <T>(lowest: number, open: () => T): T => {
  const plugs: number[] = [];
  try {
    // open(2) gives the lowest free number: once it is above, so is every later one.
    for (;;) {
      const plug = openSync('/dev/null', 'r');
      plugs.push(plug);
      if (plug > lowest) break;
    }
    return open();
  } finally {
    for (const plug of plugs) closeSync(plug);
  }
};
