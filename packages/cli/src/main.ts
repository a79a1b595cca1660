import { runCommandLine } from './command-line.js';
import { commands } from './commands.js';
import { findCommand } from './search.js';

// Not `process.exitCode`: a server that is done would wait for an stdin that its client keeps open.
process.exit(await runCommandLine(process.argv.slice(2), (name) => findCommand(commands, name)));
