/** The list of subcommands. Each loads its own chunk, so that `help` never pays for what `dap` needs. */
import type { CommandEntry } from './command.js';

export const commands: readonly CommandEntry[] = [
  {
    name: 'functions',
    summary: 'list the functions of a Go binary',
    load: async () => (await import('./commands/functions.js')).functions,
  },
  {
    name: 'lines',
    summary: 'the lines of a function, and where the kernel can judge a breakpoint',
    load: async () => (await import('./commands/lines.js')).lines,
  },
  {
    name: 'explain',
    summary: 'in the kernel or in Delve, at what cost, and why',
    load: async () => (await import('./commands/explain.js')).explain,
  },
  {
    name: 'trace',
    summary: 'count and log in a running program, without a debugger',
    load: async () => (await import('./commands/trace.js')).trace,
  },
  {
    name: 'export',
    summary: 'a probe as a script for bpftrace or perf',
    load: async () => (await import('./commands/export.js')).exportProbe,
  },
  {
    name: 'debug',
    summary: 'a debugger at the terminal, with kernel breakpoints and probes',
    load: async () => (await import('./commands/debug.js')).debug,
  },
  {
    name: 'dap',
    summary: 'the debug adapter',
    load: async () => (await import('./commands/dap.js')).dap,
  },
  {
    name: 'lsp',
    summary: 'the language server',
    load: async () => (await import('./commands/lsp.js')).lsp,
  },
  {
    name: 'doctor',
    summary: 'what works on this machine, and what mends the rest',
    load: async () => (await import('./commands/doctor.js')).doctor,
  },
  {
    name: 'init',
    summary: 'the configuration for an editor',
    load: async () => (await import('./commands/init.js')).init,
  },
  {
    name: 'keys',
    summary: 'what each key does in each editor, who takes it, and what the terminal sends',
    load: async () => (await import('./commands/keys.js')).keys,
  },
  {
    name: 'latency',
    summary: 'how long arming, hits, stops and keys take on this machine',
    load: async () => (await import('./commands/latency.js')).latency,
  },
  {
    name: 'agent',
    summary: 'the privileged half of a session; started by it',
    load: async () => (await import('./commands/agent.js')).agent,
  },
  {
    name: 'guard',
    summary: undefined,
    load: async () => (await import('./commands/guard.js')).guard,
  },
  {
    name: 'keeper',
    summary: undefined,
    load: async () => (await import('./commands/keeper.js')).keeper,
  },
  {
    name: 'help',
    summary: 'this list, or how one command is used',
    load: async () => (await import('./commands/help.js')).helpOn(commands),
  },
  {
    name: 'version',
    summary: 'print the version',
    load: async () => (await import('./commands/version.js')).version,
  },
];
