/** Commands that look at a program that stands still. */
import { listOf, numberOf, objectOf, stringOf } from '../core/message.js';
import { RequestFailure } from './adapter-process.js';
import type { Command } from './command.js';
import { type Desk, frameText, placeOfFrame, selectedFrame, showSource } from './desk.js';
import { bold } from './screen.js';

/** Of a struct's or slice's children; the rest is a `print` away. */
const mostVariables = 200;

const showPlace = async (desk: Desk): Promise<void> => {
  const frame = await selectedFrame(desk);
  desk.screen.print(frameText(frame));
  const place = placeOfFrame(frame);
  if (place !== undefined) showSource(desk, place, place);
};

interface Scope {
  readonly name: string;
  readonly reference: number;
}

const scopes = async (desk: Desk): Promise<readonly Scope[]> => {
  const frame = await selectedFrame(desk);
  const answer = await desk.program.request('scopes', { frameId: frame.id });
  return listOf(answer.scopes).map((value) => {
    const { name, variablesReference } = objectOf(value);
    return { name: stringOf(name) ?? '', reference: numberOf(variablesReference) ?? 0 };
  });
};

const variableText = (value: unknown): string => {
  const { name, value: shown } = objectOf(value);
  return `${stringOf(name) ?? ''} = ${stringOf(shown) ?? ''}`;
};

/** The variables of every scope whose name matches. */
const showScope =
  (pattern: RegExp, none: string) =>
  async (desk: Desk): Promise<void> => {
    let shown = 0;
    for (const { reference } of (await scopes(desk)).filter(({ name }) => pattern.test(name))) {
      const answer = await desk.program.request('variables', { variablesReference: reference });
      for (const variable of listOf(answer.variables).slice(0, mostVariables)) {
        desk.screen.print(variableText(variable));
        shown += 1;
      }
    }
    if (shown === 0) desk.screen.print(none);
  };

/** As long as the debugger gives it; "watch" would cut strings. */
const evaluate = async (
  desk: Desk,
  expression: string,
): Promise<{ readonly result: string; readonly type: string }> => {
  if (expression === '') throw new RequestFailure('An expression is missing, as in `print o.Qty`.');
  const frame = await selectedFrame(desk);
  const answer = await desk.program.request('evaluate', { expression, frameId: frame.id, context: 'clipboard' });
  return { result: stringOf(answer.result) ?? '', type: stringOf(answer.type) ?? '' };
};

const setVariable = async (desk: Desk, rest: string): Promise<void> => {
  const match = /^([\p{L}_][\p{L}\p{N}_]*)\s*=\s*(.+)$/su.exec(rest);
  if (match === null) throw new RequestFailure('Say `set NAME = VALUE`, with the name of a variable of this frame.');
  const [, name = '', value = ''] = match;
  for (const { reference } of await scopes(desk)) {
    const { variables } = await desk.program.request('variables', { variablesReference: reference });
    if (!listOf(variables).some((variable) => objectOf(variable).name === name)) continue;
    const answer = await desk.program.request('setVariable', { variablesReference: reference, name, value });
    desk.screen.print(`${name} = ${stringOf(answer.value) ?? value}`);
    return;
  }
  throw new RequestFailure(`There is no variable "${name}" in this frame; \`locals\` and \`args\` list them.`);
};

const showGoroutines = async (desk: Desk, rest: string): Promise<void> => {
  const { threads } = await desk.program.request('threads');
  const all = listOf(threads).map((thread) => {
    const { id, name } = objectOf(thread);
    return { id: numberOf(id) ?? 0, name: (stringOf(name) ?? '').replace(/^\* /, '') };
  });
  const shown = all.filter(({ name }) => name.includes(rest));
  for (const { id, name } of shown) {
    const selected = id === desk.program.goroutine;
    const text = `${selected ? '*' : ' '} ${name}`;
    desk.screen.print(selected ? bold(desk.screen, text) : text);
  }
  desk.screen.print(`${shown.length} of ${all.length} goroutines`);
};

const showStack = async (desk: Desk, rest: string): Promise<void> => {
  if (rest !== '' && !/^\d+$/.test(rest)) throw new RequestFailure('Say `stack`, or `stack 10` for ten frames.');
  const frames = await desk.program.frames(rest === '' ? 50 : Number(rest));
  frames.slice(0, rest === '' ? undefined : Number(rest)).forEach((frame, index) => {
    const selected = index === desk.program.frameIndex;
    const text = `${selected ? '=>' : '  '} ${String(index).padStart(2)}  ${frameText(frame)}`;
    desk.screen.print(selected ? bold(desk.screen, text) : text);
  });
};

const selectGoroutine = async (desk: Desk, rest: string): Promise<void> => {
  const { program } = desk;
  const match = /^(\d+)(?:\s+(.*))?$/s.exec(rest);
  if (rest === '') {
    desk.screen.print(`Goroutine ${program.goroutine ?? '-'} is selected.`);
    await showPlace(desk);
  } else if (match === null) throw new RequestFailure('Say `goroutine 19`; `goroutines` lists them.');
  else {
    const before = program.goroutine;
    const frame = program.frameIndex;
    program.selectGoroutine(Number(match[1]));
    try {
      await showPlace(desk);
    } catch (error) {
      if (before !== undefined) program.selectGoroutine(before);
      program.frameIndex = frame;
      throw error;
    }
  }
};

const selectFrame = async (desk: Desk, index: number): Promise<void> => {
  const frames = await desk.program.frames(index + 1);
  if (!Number.isInteger(index) || index < 0 || frames[index] === undefined)
    throw new RequestFailure('There is no such frame; `stack` shows those there are.');
  desk.program.frameIndex = index;
  await showPlace(desk);
};

const by = (text: string): number => (text === '' ? 1 : Number(text));

const list = async (desk: Desk, rest: string): Promise<void> => {
  const { symbols, listing, program } = desk;
  const cursor = program.state === 'stopped' ? placeOfFrame(await selectedFrame(desk)) : undefined;
  if (rest === '') {
    const place = listing.next ?? cursor;
    if (place === undefined)
      throw new RequestFailure(
        'There is no more of this file; `list FUNCTION` or `list FILE:LINE` shows another place.',
      );
    showSource(desk, place, cursor);
    return;
  }
  const match = /^(?:(.+):)?(\d+)$/.exec(rest);
  const file = match?.[1] === undefined ? cursor?.file : (symbols?.fileNamed(match[1]) ?? match[1]);
  const place = match === null ? symbols?.declarationOf(symbols.functionNamed(rest)) : { file, line: Number(match[2]) };
  if (place?.file === undefined)
    throw new RequestFailure(`Nothing is known of "${rest}"; \`functions\` lists what there is.`);
  showSource(desk, { file: place.file, line: place.line }, cursor);
};

export const looking: readonly Command[] = [
  {
    names: ['list', 'l', 'ls'],
    takes: '[FUNCTION or FILE:LINE or LINE]',
    help: 'source with marks; again for more',
    needs: 'program',
    completes: 'place',
    repeats: true,
    run: list,
  },
  { names: ['stack', 'bt'], takes: '[N]', help: 'the frames of the selected goroutine', needs: 'halt', run: showStack },
  {
    names: ['frame'],
    takes: 'N',
    help: 'selects frame N',
    needs: 'halt',
    run: (desk, rest) => selectFrame(desk, Number(rest)),
  },
  {
    names: ['up'],
    takes: '[N]',
    help: 'selects the caller',
    needs: 'halt',
    repeats: true,
    run: (desk, rest) => selectFrame(desk, desk.program.frameIndex + by(rest)),
  },
  {
    names: ['down'],
    takes: '[N]',
    help: 'selects what was called',
    needs: 'halt',
    repeats: true,
    run: (desk, rest) => selectFrame(desk, desk.program.frameIndex - by(rest)),
  },
  {
    names: ['goroutines', 'grs'],
    takes: '[TEXT]',
    help: 'lists them, or those with this text',
    needs: 'halt',
    run: showGoroutines,
  },
  { names: ['goroutine', 'gr'], takes: '[N]', help: 'selects goroutine N', needs: 'halt', run: selectGoroutine },
  {
    names: ['print', 'p'],
    takes: 'EXPRESSION',
    help: 'its value',
    needs: 'halt',
    run: async (desk, rest) => desk.screen.print((await evaluate(desk, rest)).result),
  },
  {
    names: ['whatis'],
    takes: 'EXPRESSION',
    help: 'its type',
    needs: 'halt',
    run: async (desk, rest) => desk.screen.print((await evaluate(desk, rest)).type),
  },
  { names: ['set'], takes: 'NAME = VALUE', help: 'changes a variable of this frame', needs: 'halt', run: setVariable },
  {
    names: ['locals', 'args'],
    help: 'arguments and local variables',
    needs: 'halt',
    // Without a debugger there is what the kernel captured.
    run: showScope(/^(Locals|Arguments|Captured)/, 'No locals.'),
  },
  {
    names: ['kernel'],
    help: 'what the kernel knows of this stop: hits, thread, CPU, latency, captured values',
    needs: 'halt',
    run: showScope(/^Kernel/, 'The kernel has nothing to say here: this was no stop of a kernel breakpoint.'),
  },
  {
    names: ['functions', 'funcs'],
    takes: '[REGEXP]',
    help: 'functions of the program',
    needs: 'program',
    run: async ({ symbols, screen }, rest) => {
      const names = symbols?.functionsMatching(pattern(rest)) ?? [];
      for (const name of names.slice(0, mostVariables)) screen.print(name);
      screen.print(
        `${names.length} functions${names.length > mostVariables ? `, the first ${mostVariables} shown` : ''}`,
      );
    },
  },
];

const pattern = (text: string): RegExp => {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new RequestFailure(`"${text}" is not a regular expression.`, { cause: error });
  }
};
