/**
 * "x == 1 on goroutine 19" in a breakpoint's condition. Delve has no such words, so they become an expression that Delve
 * and the kernel both evaluate; whoever has the breakpoint, it means the same.
 */

/** No Go expression ends like this: two names never stand beside each other in one. */
const ending = /^(.*?)(?:^|\s)on\s+(?:goroutine\s+(\d{1,19}|current)|(current|main))\s*$/s;

export type GoroutineCondition =
  | { readonly ok: true; readonly condition: string }
  | { readonly ok: false; readonly message: string };

const noneSelected = 'No goroutine is selected: name one, as in "on goroutine 19".';

/** `selected`: the goroutine of the last stop. A condition without such an ending comes back as it is. */
export const withGoroutine = (written: string, selected: number | undefined): GoroutineCondition => {
  const match = ending.exec(written);
  if (match === null) return { ok: true, condition: written };
  const [, expression = '', numbered, named] = match;
  const which = numbered ?? named;
  // runtime.main runs on goroutine 1 (src/runtime/proc.go: the first newproc).
  const id = which === 'main' ? '1' : which === 'current' ? selected?.toString() : which;
  if (id === undefined) return { ok: false, message: noneSelected };
  const own = `runtime.curg.goid == ${id}`;
  return { ok: true, condition: expression.trim() === '' ? own : `(${expression.trim()}) && ${own}` };
};
