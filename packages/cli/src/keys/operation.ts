/** What a key asks for, whatever an editor calls it: the request, and what Delve and the kernel do in each kind of session. */

export const contexts = ['no session', 'Delve session', 'probe-only session'] as const;
export type Context = (typeof contexts)[number];

export interface Effect {
  /** Of LSP or DAP; "-" where nothing is sent. */
  readonly request: string;
  readonly delve: string;
  readonly kernel: string;
}

export interface Operation {
  readonly title: string;
  /** What editors call it, as their configuration has it. */
  readonly actions: readonly string[];
  /** In the order of `contexts`; undefined: nothing happens there. */
  readonly effects: readonly [Effect | undefined, Effect | undefined, Effect | undefined];
}

const effect = (request: string, delve: string, kernel: string): Effect => ({ request, delve, kernel });
const refused = (request: string): Effect => effect(request, '-', 'nothing: steps need Delve, and the answer says so');
const launch = effect('launch', 'builds and starts the program', 'arms probes and judged breakpoints before it runs');

const step = (request: string, does: string): Operation['effects'] => [
  undefined,
  effect(request, does, 'fires for the stepping goroutine only; what others pass is counted'),
  refused(request),
];

const ask = (command: string, kernel: string): Operation['effects'] => {
  const request = `workspace/executeCommand ${command}`;
  const now = effect(request, '-', kernel);
  return [effect(request, '-', 'kept until a session begins'), now, now];
};

const looks = (request: string): Operation['effects'] => {
  const same = effect(request, '-', '-');
  return [same, same, same];
};

/** Only in a session, and the same in both kinds. */
const inSession = (request: string, kernel: string): Operation['effects'] => {
  const same = effect(request, '-', kernel);
  return [undefined, same, same];
};

/** A breakpoint is the editor's own until a session begins. `alone`: without Delve. */
const breakpoint = (delve: string, kernel: string, alone: string): Operation['effects'] => [
  effect('-', '-', '-'),
  effect('setBreakpoints', delve, kernel),
  effect('setBreakpoints', '-', alone),
];

/** One for each that a key may mean. A shipped configuration that names another fails the tests. */
export const operations: readonly Operation[] = [
  {
    title: 'start or continue',
    actions: ['continue', 'dap-continue', 'dape-continue', 'dap_continue', 'workbench.action.debug.continue'],
    effects: [
      launch,
      effect('continue', 'continues', 'shows hits that wait first, without resuming'),
      effect('continue', '-', 'SIGCONT'),
    ],
  },
  {
    title: 'start',
    actions: ['dap_launch', 'dap-debug', 'workbench.action.debug.start'],
    effects: [launch, undefined, undefined],
  },
  {
    title: 'breakpoint',
    actions: [
      'toggle_breakpoint',
      'toggle',
      'dap-breakpoint-toggle',
      'dape-breakpoint-toggle',
      'dap_toggle_breakpoint',
      'editor.debug.action.toggleBreakpoint',
    ],
    effects: breakpoint(
      'sets those without condition, and what the kernel cannot judge',
      'judges conditions, hit counts and log messages',
      'judges all of them; a stop is SIGSTOP',
    ),
  },
  {
    title: 'conditional breakpoint',
    actions: ['editor.debug.action.conditionalBreakpoint', 'dap_edit_condition'],
    effects: breakpoint(
      'only what the kernel cannot judge',
      'judges the condition at every hit',
      'judges the condition at every hit; a stop is SIGSTOP',
    ),
  },
  {
    title: 'log message',
    actions: ['dap_edit_log'],
    effects: breakpoint('only what the kernel cannot log', 'logs without a stop', 'logs without a stop'),
  },
  {
    title: 'step over',
    actions: ['step_over', 'next', 'dap-next', 'dape-next', 'dap_next', 'workbench.action.debug.stepOver'],
    effects: step('next', 'to the next line'),
  },
  {
    title: 'step in',
    actions: ['step_into', 'step', 'dap-step-in', 'dape-step-in', 'dap_step_in', 'workbench.action.debug.stepInto'],
    effects: step('stepIn', 'into the call'),
  },
  {
    title: 'step out',
    actions: ['step_out', 'stepout', 'dap-step-out', 'dape-step-out', 'dap_step_out', 'workbench.action.debug.stepOut'],
    effects: step('stepOut', 'until the function returns'),
  },
  {
    title: 'pause',
    actions: ['pause', 'dap_pause', 'workbench.action.debug.pause'],
    effects: [undefined, effect('pause', 'halts every thread', '-'), refused('pause')],
  },
  {
    title: 'stop',
    actions: ['terminate', 'quit', 'dap-disconnect', 'dape-quit', 'dap_terminate', 'workbench.action.debug.stop'],
    effects: [
      undefined,
      effect(
        'terminate or disconnect',
        'ends the program it started, leaves one it attached to',
        'takes everything out before Delve lets go',
      ),
      effect('terminate or disconnect', '-', 'takes everything out, then SIGCONT'),
    ],
  },
  {
    title: 'restart',
    actions: ['run_last', 'restart', 'dap-debug-last', 'dape-restart', 'dap_restart', 'workbench.action.debug.restart'],
    effects: [
      launch,
      effect(
        'restart, or disconnect and launch',
        'builds and starts the program again',
        'plans every probe again, by name',
      ),
      effect('disconnect, then launch or attach', '-', 'plans every probe again, by name'),
    ],
  },
  {
    title: 'probe what is under the cursor, or take it back',
    actions: ['lens_keys.probe', 'probelens-probe-at-point', 'code_action', 'editor.action.codeAction'],
    effects: ask('probelens.probeAt', 'arms or removes a probe'),
  },
  {
    title: 'count the calls of the selected function',
    actions: ['probehere'],
    effects: inSession('evaluate "probe ..."', 'arms or removes a probe'),
  },
  {
    title: 'probe by its text',
    actions: ['probelens-probe'],
    effects: ask('probelens.probe', 'arms what the text says'),
  },
  {
    title: 'run the lens of the line',
    actions: ['lens_keys.run', 'lsp-avy-lens'],
    effects: ask('probelens.probe', 'arms or removes the probe of that function'),
  },
  { title: 'code actions', actions: ['lens_keys.actions'], effects: looks('textDocument/codeAction') },
  {
    title: 'list what is probed',
    actions: ['lens_keys.list', 'probelens-list'],
    effects: looks('workspace/executeCommand probelens.probes'),
  },
  {
    title: 'timeline',
    actions: ['lens_keys.timeline', 'probelens-timeline'],
    effects: inSession('workspace/executeCommand probelens.showTimeline', 'its events of every goroutine, in order'),
  },
  {
    title: 'capture and quit',
    actions: ['capture, quit now'],
    effects: [
      undefined,
      effect(
        'threads, stackTrace, disconnect',
        'pauses for the stacks',
        'its timeline goes into the file; takes everything out',
      ),
      effect('threads, disconnect', '-', 'its timeline goes into the file; takes everything out'),
    ],
  },
  {
    title: 'stop at the next eBPF load',
    actions: ['pause_at_next_load', 'probelens-pause-at-next-load', 'nextload'],
    effects: [
      undefined,
      effect(
        'probelens/pauseAtNextLoad',
        'stops in the Go wrapper of the system call; of libbpf before and after the call of C, of other C code after it',
        'sees the next BPF_PROG_LOAD',
      ),
      effect('probelens/pauseAtNextLoad', '-', 'halts before the next BPF_PROG_LOAD, with SIGSTOP'),
    ],
  },
  {
    title: 'summary of the last verifier log',
    actions: ['verifier_summary', 'probelens-verifier-summary', 'verifier'],
    effects: inSession('probelens/verifierSummary', 'its verifier log was kept at the load'),
  },
  {
    title: 'all goroutines, and the last crash',
    actions: ['goroutines_and_crash', 'probelens-goroutines-and-crash', 'capture'],
    effects: [
      undefined,
      effect('threads, stackTrace, exceptionInfo', 'lists every goroutine of a program that stands', '-'),
      effect('threads, stackTrace', '-', 'the goroutines that it has stopped, and its snapshots'),
    ],
  },
  {
    title: 'run the tests of the package',
    actions: ['tests', 'go.test.package', 'go-test-current-file'],
    effects: [
      effect('launch, mode test', 'builds and starts the tests', 'arms probes before they run'),
      undefined,
      undefined,
    ],
  },
  {
    title: 'definition',
    actions: ['definition'],
    effects: looks('textDocument/definition'),
  },
  { title: 'format when saving', actions: ['format'], effects: looks('textDocument/formatting') },
];

const byAction = new Map(operations.flatMap((each) => each.actions.map((action) => [action, each] as const)));

export const operationOf = (action: string): Operation | undefined => byAction.get(action);
