/** Functions, packages and returns of arm64 programs, for counting and logging; stops stay with the debugger there. */
import type { Degraded, GoFunction, GoVariable } from '@probelens/gosym';
import { virtualAddress } from '@probelens/gosym';
import { functionsCalled, inPackage, isAssembly } from '../functions.js';
import { Refused } from '../refused.js';
import { type Place, plannedSite, type Request } from '../request.js';
import { variablesAtReturn } from '../results.js';
import { scopeFor } from '../scope-at.js';
import type { Decoded } from '../x86/decode.js';
import { entryInstruction, returnInstructions } from './code.js';

/** A call leaves the stack pointer alone, and so do the stack check and what comes before RET. */
const frame = { register: 'sp', offset: 0 } as const;

const place = (
  request: Request,
  fn: GoFunction,
  instruction: Decoded,
  use: 'log' | 'return',
  variables: Degraded<readonly GoVariable[]>,
): Place => ({
  function: fn.name,
  scope: scopeFor(request.binary, fn, variables, 'go', frame),
  start: undefined,
  choose: () =>
    plannedSite(request, {
      fn,
      instruction,
      tier: 'stepped',
      use,
      file: fn.file,
      line: request.binary.positionsAt(virtualAddress(instruction.address)).at(-1)?.line ?? fn.line,
      reason:
        use === 'return' ? 'at the return.' : 'the first instruction after the stack check, passed once per call.',
    }),
});

const nothing: Degraded<readonly GoVariable[]> = { value: [], problems: [] };

const entries = (request: Request, name: string): readonly Place[] =>
  functionsCalled(request.binary, name).map((fn) => {
    const instruction = entryInstruction(request.binary.code(fn), fn.entry);
    if (instruction === undefined)
      throw new Refused(
        'no-entry-site',
        `${fn.name} has no place at its entry that is passed once per call; probe its callers.`,
      );
    return place(request, fn, instruction, 'log', request.binary.parametersAtEntry(fn));
  });

const returns = (request: Request, name: string): readonly Place[] =>
  functionsCalled(request.binary, name).flatMap((fn) => {
    const found = returnInstructions(request.binary.code(fn), fn.entry);
    if (found.length === 0) throw new Refused('no-return', `${fn.name} never returns.`);
    const variables = variablesAtReturn(request.binary, fn);
    return found.map((instruction) => place(request, fn, instruction, 'return', variables));
  });

const ofPackage = (request: Request, pattern: string): readonly Place[] => {
  const belongs = inPackage(pattern, request.binary.mainPackage);
  return [...request.binary.functions()].flatMap((fn) => {
    if (fn.generated || isAssembly(fn) || !belongs(fn.name)) return [];
    const instruction = entryInstruction(request.binary.code(fn), fn.entry);
    return instruction === undefined ? [] : [place(request, fn, instruction, 'log', nothing)];
  });
};

/** Throws Refused for stops, and for places inside functions. */
export const arm64Places = (request: Request): readonly Place[] => {
  if (request.use === 'stop') {
    throw new Refused(
      'wrong-machine',
      'On arm64 a kernel probe cannot stop the program for a debugger; the breakpoint stays with it.',
    );
  }
  const { target } = request.spec;
  switch (target.kind) {
    case 'function':
      return entries(request, target.name);
    case 'return':
      return returns(request, target.name);
    case 'package':
      return ofPackage(request, target.pattern);
    default:
      throw new Refused(
        'wrong-machine',
        'On arm64 only functions, their returns and packages can be probed; name a function.',
      );
  }
};
