/** A session in a process of its own, to be killed: argv[2] is the directory. Prints its id when it listens. */
import { listenControl } from '../../src/control/index.js';

const listener = await listenControl(
  {
    add: () => new Promise(() => undefined),
    remove: () => new Promise(() => undefined),
    list: async () => [],
    timeline: async () => ({ entries: [], dropped: 0 }),
  },
  { binary: '/srv/b', workspace: '/srv' },
  { directory: process.argv[2] ?? '' },
);
process.stdout.write(`${listener.session.id}\n`);
process.stdin.resume();
