/** Random things that a client may ask, in random order: sensible, too early, too late, unknown and malformed. */
import fc from 'fast-check';

/** Filled in when the request is sent. */
export type Placeholder = 'THREAD' | 'FRAME' | 'REFERENCE';

export interface Move {
  readonly command: string;
  readonly args?: unknown;
  /** Whether the client waits for the answer before its next move, or for the next stop as well. */
  readonly wait: 'nothing' | 'answer' | 'stop';
}

const thread = fc.oneof(
  { weight: 8, arbitrary: fc.constant<unknown>('THREAD') },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(1, 0, -1, 99_999, 2 ** 31, null) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>('one', 1.5, [], {}, true) },
);
const frame = fc.oneof(
  { weight: 6, arbitrary: fc.constant<unknown>('FRAME') },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(0, -1, 999_999, 'x', null) },
);

const conditions = fc.constantFrom<unknown>(
  undefined,
  'o.ID % 50 == 7',
  'o.ID == 120 && mult > 0',
  'o.Symbol == "ZORG"',
  'o.Price > 2',
  'nothing == 1',
  '1 +',
  'mult > 0 on goroutine current',
  7,
);
const hitConditions = fc.constantFrom<unknown>(undefined, undefined, undefined, '> 2', '% 3', 'abc');
const logMessages = fc.constantFrom<unknown>(undefined, undefined, undefined, 'order {o.ID}', '{', '{nothing}');

/** A setBreakpoints request for lines of `file`. */
const lines = (file: string, known: readonly number[]): fc.Arbitrary<unknown> => {
  const line = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<unknown>(...known) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>(0, -5, 1, 100_000, '7') },
  );
  const record = fc.record({ line, condition: conditions, hitCondition: hitConditions, logMessage: logMessages });
  return fc.record({
    source: fc.constantFrom<unknown>({ path: file }, { path: file }, { path: file }, { path: '/nowhere.go' }, {}, null),
    breakpoints: fc.oneof(
      { weight: 6, arbitrary: fc.array(record, { maxLength: 3 }) as fc.Arbitrary<unknown> },
      { weight: 1, arbitrary: fc.constantFrom<unknown>(undefined, null, {}, [null], 'all') },
    ),
  });
};

const functions: fc.Arbitrary<unknown> = fc.record({
  breakpoints: fc.array(
    fc.record({
      name: fc.constantFrom<unknown>(
        'main.price',
        'main.price',
        'main.(*tally).observe',
        'main.nowhere',
        '',
        '/main\\./',
      ),
      condition: conditions,
      hitCondition: hitConditions,
    }),
    { maxLength: 2 },
  ),
});

const expressions = fc.constantFrom<unknown>(
  ...['o', 'o.ID', 'mult * 2', '1 +', 'call price(o, 2)', 'call price(nil, 2)', 'dlv help', 'dlv config -list', 5],
  ...['probes', 'help', 'probe main.price do count', 'probe nonsense', 'unprobe 1', 'scope goroutine', 'timeline'],
);

const waits = fc.constantFrom<Move['wait']>('nothing', 'nothing', 'answer', 'answer', 'stop');

const asks = (command: string, args: fc.Arbitrary<unknown>, weight = 1) => ({
  weight,
  arbitrary: fc.record({ command: fc.constant(command), args, wait: waits }) as fc.Arbitrary<Move>,
});

/** Moves on a program whose `file` has code at `known` lines. */
export const moveArbitrary = (file: string, known: readonly number[]): fc.Arbitrary<Move> => {
  const onThread = fc.record({ threadId: thread }) as fc.Arbitrary<unknown>;
  const step = fc.record({
    threadId: thread,
    singleThread: fc.constantFrom<unknown>(undefined, undefined, true, 'yes'),
    granularity: fc.constantFrom<unknown>(undefined, undefined, undefined, 'instruction', 'word', 3),
  }) as fc.Arbitrary<unknown>;
  const variables = fc.constantFrom<unknown>('REFERENCE', 'REFERENCE', 1000, 1001, 0, -1, 'x');
  return fc.oneof(
    asks('setBreakpoints', lines(file, known), 4),
    asks('setFunctionBreakpoints', functions, 3),
    asks('setExceptionBreakpoints', fc.constantFrom<unknown>({ filters: [] }, { filters: ['unrecovered-panic'] }, {})),
    asks('setInstructionBreakpoints', fc.constantFrom<unknown>({ breakpoints: [] }, { breakpoints: [{}] })),
    asks('configurationDone', fc.constantFrom<unknown>(undefined, {})),
    asks('continue', step, 5),
    asks('pause', onThread, 3),
    asks('next', step, 3),
    asks('stepIn', step, 2),
    asks('stepOut', step, 2),
    asks('threads', fc.constant(undefined), 2),
    asks(
      'stackTrace',
      fc.record({ threadId: thread, startFrame: fc.constantFrom<unknown>(undefined, 0, 5, -1, 'x') }),
      3,
    ),
    asks('scopes', fc.record({ frameId: frame }), 2),
    asks('variables', fc.record({ variablesReference: variables }), 2),
    asks(
      'evaluate',
      fc.record({ expression: expressions, frameId: frame, context: fc.constantFrom('repl', 'watch') }),
      4,
    ),
    asks('completions', fc.constantFrom<unknown>({ text: 'probe main.', column: 12 }, { text: 'x', column: -1 }, {})),
    asks('disassemble', fc.constantFrom<unknown>({ memoryReference: '0x401000', instructionCount: 3 }, {})),
    asks('readMemory', fc.constantFrom<unknown>({ memoryReference: '0x401000', count: 16 }, { count: 'x' })),
    asks('exceptionInfo', onThread),
    asks('restart', fc.constantFrom<unknown>(undefined, {}, { arguments: { rebuild: false } }, { arguments: 5 })),
    asks('launch', fc.constantFrom<unknown>({}, { mode: 'exec', program: '/nowhere' })),
    asks('initialize', fc.constantFrom<unknown>({}, { linesStartAt1: 'x' })),
    asks('probelens/timeline', fc.constantFrom<unknown>({}, { goroutine: 'x' })),
    asks('unheard-of', fc.constantFrom<unknown>(undefined, 5, { a: 1 })),
    asks('source', fc.constantFrom<unknown>({ sourceReference: 1 }, [])),
  );
};

/** How a client goes. */
export type Farewell = 'disconnect' | 'disconnect, sparing' | 'terminate' | 'end of input' | 'broken connection';

export interface Script {
  readonly endless: boolean;
  readonly stopOnEntry: boolean;
  /** Before `configurationDone` as well as after. */
  readonly moves: readonly Move[];
  readonly farewell: Farewell;
}

export const scriptArbitrary = (file: string, known: readonly number[]): fc.Arbitrary<Script> => {
  const move = moveArbitrary(file, known);
  const configured: Move = { command: 'configurationDone', wait: 'answer' };
  return fc.record({
    endless: fc.boolean(),
    stopOnEntry: fc.boolean(),
    moves: fc
      .tuple(fc.array(move, { maxLength: 4 }), fc.array(move, { minLength: 8, maxLength: 25 }))
      .map(([before, after]) => [...before, configured, ...after]),
    farewell: fc.constantFrom<Farewell>(
      ...(['disconnect', 'disconnect, sparing', 'terminate', 'end of input', 'broken connection'] as const),
    ),
  });
};
