/**
 * Beginnings of lines that a debugger needs for nothing but steps in their own function. A gate may be there as long as
 * nobody steps: whoever arms it has to take it out before a step begins, and may bring it back when Delve has cleared the
 * step's breakpoints (at one address a uprobe hides an int3, and taking the two apart corrupts the program).
 *
 * Read in Delve 1.27.2, pkg/proc, everything that calls SetBreakpoint; `next`, `step` and `stepout` plant
 *
 * - on each statement of the function that is stepped (target_exec.go, next: AllPCs), of range-over-func bodies and their
 *   parents on the stack (next: rangeFrames, rangeBodies), and on calls of unknown target in the line (StepBreakpoint);
 * - on return addresses (next, StepOut; StepInstruction of a parked goroutine, coroutines of iter.Pull);
 * - behind the prologue of functions called in the line, deferred, started by `go`, or that are range-over-func bodies
 *   (setStepIntoBreakpoint, setDeferBreakpoint, setStepIntoNewProcBreakpoint: FirstPCAfterPrologue);
 * - in runtime.newproc.func1, at its call of runqput (setStepIntoNewProcBreakpoint).
 *
 * Without a step, and so excluded here: breakpoints on functions (FirstPCAfterPrologue, and the lowest address of each
 * inlined copy: bininfo.go, FindFunctionLocation), which those for panics and fatal errors are too (target.go);
 * data breakpoints on the stack (stackwatch.go: return address, deferred function, the return of runtime.copystack);
 * the returns of plugin.Open (target.go). Breakpoints on the line itself are known to whoever sets them.
 */
import type { GoBinary, GoFunction, LineAddress } from '@probelens/gosym';
import { runAt } from './first-line.js';
import type { Code } from './x86/code.js';

/** Watched by Delve at places of its own choosing, or entered by its call injection (debugCallV2). */
const delvesOwn = /^(?:runtime\.(?:newproc\.func1|copystack|breakpoint|Breakpoint|debugCall.*)|plugin\.Open)$/;

/**
 * Without the mark of the compiler Delve goes by the instructions: stack check and frame are the first seven at most
 * (pkg/proc/amd64_disasm.go, prologuesAMD64). Twice that.
 */
const longestPrologue = 14;

const beginsCopy = (run: LineAddress, before: LineAddress | undefined): boolean => {
  const outer = before?.chain.slice(-run.chain.length) ?? [];
  if (outer.length < run.chain.length) return run.chain.length > 1;
  // Innermost first; a copy is known by its function and by where its caller called it.
  return run.chain.some(({ function: name }, level) => {
    const caller = run.chain[level + 1];
    return outer[level]?.function !== name || outer[level + 1]?.line !== caller?.line;
  });
};

/** Whether a site at this address of `fn` may yield. Says no when in doubt. */
export const yieldingPlaces = (
  binary: GoBinary,
  fn: GoFunction,
  code: Code,
  runs: readonly LineAddress[],
): ((address: number) => boolean) => {
  if (delvesOwn.test(fn.name)) return () => false;
  const prologueEnd = binary.prologueEndOf(fn);
  const body = code.instructions[longestPrologue]?.address ?? Number.POSITIVE_INFINITY;
  return (address) => {
    if (prologueEnd === undefined ? address < body : address <= prologueEnd) return false;
    const run = runAt(runs, address);
    if (run === undefined || run.chain.length < 2 || run.address !== address) return run !== undefined;
    return !beginsCopy(run, runs[runs.indexOf(run) - 1]);
  };
};
