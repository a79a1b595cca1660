/** A program that loads eBPF programs, under Delve: stopped before and after, with what the kernel and the verifier say. */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import { listOf, objectOf } from '../src/core/message.js';
import { firstOf, type Stop } from './answers.js';
import { initializeArguments, type TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

describe.skipIf(requirement('kernel', 'delve', 'go', 'bpftool').missing)('loading eBPF programs in a session', () => {
  const stage = new SessionStage('bpf-load');
  let bpfload = '';

  beforeAll(async () => {
    bpfload = await stage.program('bpfload');
  });

  let client: TestClient;

  const launch = async (
    filters: readonly string[],
    args: readonly string[],
    mode: 'exec' | 'probe' = 'exec',
    program = bpfload,
  ) => {
    client = await stage.connect();
    const capabilities = await client.request('initialize', initializeArguments);
    const answer = client.ask('launch', { mode, program, args });
    await client.next('initialized');
    expect((await answer).success).toBe(true);
    expect((await client.ask('setExceptionBreakpoints', { filters })).success).toBe(true);
    return capabilities;
  };

  const stopOrEnd = async (): Promise<Stop | 'terminated'> => {
    const { event, body } = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
    return event === 'stopped' ? body : 'terminated';
  };

  const stopped = async (): Promise<Stop> => {
    const stop = await stopOrEnd();
    if (stop === 'terminated') throw new Error(`the program ended: ${client.output.slice(-300)}`);
    return stop;
  };

  /** The next stop of this kind; a load that a signal interrupted begins anew, so it may stand before it once more. */
  const stopAs = async (description: string): Promise<Stop> => {
    for (;;) {
      const stop = await stopped();
      if (stop.description === description) return stop;
      expect(stop).toMatchObject({ reason: 'exception', description: 'BPF program load' });
      await goOn(stop.threadId);
    }
  };

  const goOn = (threadId: number) => client.ask('continue', { threadId });

  const scopeOf = async (threadId: number) => {
    const { stackFrames } = await client.request('stackTrace', { threadId });
    const { scopes } = await client.request('scopes', { frameId: firstOf(stackFrames).id });
    const scope = scopes.find(({ name }) => name === 'eBPF');
    const { variables } = await client.request('variables', scope);
    const names: readonly string[] = stackFrames.map(({ name }) => name);
    const values: Readonly<Record<string, string>> = Object.fromEntries(
      variables.map(({ name, value }) => [name, value]),
    );
    return { names, variables, values };
  };

  /** Without a debugger; the first scope has the event's values. */
  const haltOf = async (threadId: number) => {
    const { stackFrames } = await client.request('stackTrace', { threadId });
    const { scopes } = await client.request('scopes', { frameId: firstOf(stackFrames).id });
    const { variables } = await client.request('variables', scopes[0]);
    const values: Readonly<Record<string, string>> = Object.fromEntries(
      variables.map(({ name, value }) => [name, value]),
    );
    return { names: stackFrames.map(({ name }) => name), values };
  };

  type Scope = Awaited<ReturnType<typeof scopeOf>>;

  const listing = async (
    variables: readonly { name: string; memoryReference?: string }[],
    instructionCount: number,
  ): Promise<readonly { address: string; instruction: string; presentationHint?: string }[]> => {
    const memoryReference = variables.find(({ name }) => name === 'instructions')?.memoryReference;
    return (await client.request('disassemble', { memoryReference, instructionCount })).instructions;
  };

  const say = async (expression: string) =>
    objectOf((await client.ask('evaluate', { expression, context: 'repl' })).body).result;

  /** What the program itself printed, a line for each case. */
  const reports = () => {
    const lines = client.output.split('\n').filter((line) => line.startsWith('{"case"'));
    return lines.map((line) => JSON.parse(line));
  };

  it('stops before the system call with what is about to be loaded, and after it with the result', async () => {
    // Both: a load is told of once all the same.
    const capabilities = await launch(
      ['bpf-load', 'bpf-refused'],
      ['-via', 'syscall', '-log', '1', 'leaked', 'two-maps'],
    );
    const announced = capabilities.exceptionBreakpointFilters?.map(({ filter }) => filter);
    expect(announced).toEqual(expect.arrayContaining(['bpf-load', 'bpf-refused']));
    expect(announced).not.toContain('bpf-next-load');
    await client.ask('configurationDone');

    const before = await stopAs('BPF program load');
    expect(before).toMatchObject({ reason: 'exception', allThreadsStopped: true });
    const first = await scopeOf(before.threadId);
    expect(first.names).toEqual(expect.arrayContaining(['syscall.Syscall', 'main.systemCall', 'main.main']));
    const asked = { type: 'tracepoint', name: 'leaked', license: 'GPL', 'instruction count': '8', 'log level': '1' };
    expect(first.values).toMatchObject({ ...asked, result: 'about to be loaded' });
    const info = await client.ask('exceptionInfo', { threadId: before.threadId });
    expect(info.body).toMatchObject({ exceptionId: 'BPF program load', breakMode: 'always' });
    const code = await listing(first.variables, 9);
    // A wide load is one instruction of two slots; what is asked for beyond the end is said to be invalid.
    expect(code.map(({ address }) => address)).toEqual([
      '0x0',
      '0x10',
      '0x18',
      '0x20',
      '0x28',
      '0x30',
      '0x38',
      '0x38',
      '0x40',
    ]);
    expect(code.slice(1, 4).map(({ instruction }) => instruction)).toEqual([
      'r2 = 8',
      'r3 = 0',
      'call bpf_ringbuf_reserve#131',
    ]);
    expect(code[8]).toMatchObject({ presentationHint: 'invalid' });

    // What the verifier will say can be had before it is asked.
    expect(await say('bpf reload')).toContain('check: leaked-reference, Unreleased reference');
    await goOn(before.threadId);
    const after = await stopAs('BPF program refused');
    expect(after.reason).toBe('exception');
    expect(after.text).toContain('refused, EINVAL');
    const second = await scopeOf(after.threadId);
    expect(second.names).toEqual(expect.arrayContaining(['syscall.Syscall', 'main.systemCall', 'main.main']));
    expect(second.values).toMatchObject({ ...asked, result: 'refused, EINVAL (errno 22)', check: 'leaked-reference' });

    await goOn(after.threadId);
    const loaded = await stopAs('BPF program loaded');
    const third = await scopeOf(loaded.threadId);
    // As many as there are, in the words of bpftool; both have the kernel's own names of helpers.
    const translated = await listing(third.variables, Number.parseInt(third.values.instructions ?? '', 10));
    const plain = (text: string): string => text.replace(/^\(..\) /, '').replace(/#-?\d+$/, '');
    const dumped: readonly { readonly disasm?: string }[] = JSON.parse(
      spawnSync(findProgram('bpftool') ?? '', ['-j', 'prog', 'dump', 'xlated', 'id', third.values.id ?? ''], {
        encoding: 'utf8',
      }).stdout,
    );
    expect(translated.map(({ instruction }) => plain(instruction))).toEqual(
      dumped.flatMap(({ disasm }) => (disasm === undefined ? [] : [plain(disasm)])),
    );
    expect(translated.length).toBeGreaterThan(15);

    await goOn(loaded.threadId);
    expect(await stopOrEnd()).toBe('terminated');
    const [refused, good] = reports();
    expect(third.values).toMatchObject({
      result: 'done',
      descriptor: `${good.fd}`,
      id: `${good.id}`,
      tag: good.tag,
      'map ids': `[${good.mapIds.join(', ')}]`,
    });
    // Everything stays to be looked at.
    const summary = objectOf(await client.request('probelens/verifierSummary'));
    expect(summary.log).toBe(refused.log);
    expect(summary.report).toMatchObject({ kind: 'leaked-reference', slot: 7, instruction: 'exit' });
    expect(await say('bpf log')).toContain(refused.log.trimEnd());
    expect(await say('bpf')).toMatch(/load {2}\[Go 1\] {2}tracepoint "leaked", 8 instructions.*: refused, EINVAL/);
    const made = new RegExp(`bpf:map: array "values", key 4, value 8, 1 entries: id ${good.mapIds[0]}`);
    expect(await say('timeline')).toMatch(made);
    expect(await say('bpf log 999')).toBeUndefined();
    expect(await say('bpf reload 1')).toBeUndefined();
  });

  it('stops once for each load that a library makes, and where that is refused once more for the log', async () => {
    await launch(['bpf-load', 'bpf-refused'], ['null-check', 'xdp']);
    await client.ask('configurationDone');
    let reloaded: unknown;
    const seen: (Pick<Stop, 'description' | 'text'> & { readonly scope: Scope })[] = [];
    for (let stop = await stopOrEnd(); stop !== 'terminated'; stop = await stopOrEnd()) {
      const scope = await scopeOf(stop.threadId);
      // What a signal interrupted is loaded again: it may stand before it twice.
      const again = stop.description === seen.at(-1)?.description && stop.description === 'BPF program load';
      if (!again) seen.push({ ...stop, scope });
      const isFirst = scope.values.name === 'nullcheck' && scope.values['log level'] === '0';
      if (isFirst && stop.description === 'BPF program refused') reloaded = await say('bpf reload');
      await goOn(stop.threadId);
    }
    // The library also tries out what the kernel can do, with programs of its own, and repeats a load for its log.
    expect(seen.map(({ description, scope: { values } }) => [description, values.name, values['log level']])).toEqual([
      ['BPF program load', 'nullcheck', '0'],
      ['BPF program refused', 'nullcheck', '0'],
      ['BPF program refused', 'nullcheck', '1'],
      ['BPF program load', 'xdp', '0'],
      ['BPF program loaded', 'xdp', '0'],
    ]);
    expect(client.output).toContain('Not stopped at: a feature test of github.com/cilium/ebpf, socket_filter');
    const [before, first, second] = seen;
    expect(before?.text).toMatch(/about to be loaded; .* tracepoint "nullcheck", \d+ instructions, license GPL/);
    expect(first?.text).toContain('github.com/cilium/ebpf now loads it once more for the log');
    expect(second?.text).not.toContain('once more');
    expect([first?.scope.values.check, second?.scope.values.check]).toEqual([undefined, 'maybe-null']);
    expect(first?.scope.values.notes).toContain('The program asked for no log');
    // Loaded once more by the agent, with the program's own map and lines: the same verdict as the library's second try.
    expect(reloaded).toContain('The log is from loading the program once more, by the probe agent.');
    expect(reloaded).toContain("check: maybe-null, R0 invalid mem access 'map_value_or_null'");
    expect(reloaded).toContain('source: lines.c:15 /* LdXMemDW */');
    expect(second?.scope.values.source).toBe('lines.c:15 /* LdXMemDW */');
    for (const { scope } of seen) expect(scope.names).toContainEqual(expect.stringMatching(/\bsys\.BPF$/));
  });

  it('pauses at the next load when it is asked to, and at no other', async () => {
    await launch([], ['-via', 'rawsyscall', 'xdp', 'socket-filter']);
    expect(await client.ask('probelens/pauseAtNextLoad')).toMatchObject({ success: true });
    await client.ask('configurationDone');
    const pause = await stopped();
    expect(pause).toMatchObject({ reason: 'exception', description: 'BPF program load' });
    const { values, names } = await scopeOf(pause.threadId);
    expect(values).toMatchObject({ type: 'xdp', result: 'about to be loaded' });
    expect(names).toEqual(expect.arrayContaining(['syscall.RawSyscall', 'main.systemCall']));
    await goOn(pause.threadId);
    expect(await stopOrEnd()).toBe('terminated');
    expect(reports().map(({ case: name }) => name)).toEqual(['xdp', 'socket-filter']);
    expect((await client.ask('probelens/verifierSummary', { number: 77 })).success).toBe(false);
  });

  it('pauses at the next load where there is no debugger, shows it, and the verdict over it', async () => {
    await launch(['bpf-refused'], ['-via', 'syscall', '-log', '1', 'leaked', 'xdp'], 'probe');
    expect((await client.ask('probelens/verifierSummary')).success).toBe(false);
    expect(await client.ask('probelens/pauseAtNextLoad')).toMatchObject({ success: true });
    await client.ask('configurationDone');
    const pause = await stopped();
    expect(pause).toMatchObject({ reason: 'exception', description: 'BPF program load' });
    const { values, names, variables } = await scopeOf(pause.threadId);
    expect(names).toEqual(expect.arrayContaining(['syscall.Syscall', 'main.systemCall', 'main.main']));
    expect(values).toMatchObject({ type: 'tracepoint', name: 'leaked', result: 'about to be loaded' });
    expect((await listing(variables, 2)).map(({ instruction }) => instruction)[1]).toBe('r2 = 8');
    const { line, instructions } = objectOf(await client.request('probelens/shownLoad'));
    expect([line, listOf(instructions).length]).toEqual([
      expect.stringMatching(/^About to load: tracepoint "leaked"/),
      7,
    ]);
    expect(client.output).toContain('About to load: tracepoint "leaked"');
    expect(await say('bpf reload')).toContain('check: leaked-reference');
    // The next one is not the one that it stands before.
    expect(await client.ask('probelens/pauseAtNextLoad')).toMatchObject({ success: true });

    await goOn(pause.threadId);
    const halt = await stopAs('BPF program refused');
    const after = await scopeOf(halt.threadId);
    expect(after.values).toMatchObject({
      name: 'leaked',
      result: 'refused, EINVAL (errno 22)',
      check: 'leaked-reference',
    });
    const summary = objectOf(await client.request('probelens/verifierSummary'));
    expect(summary.report).toMatchObject({ kind: 'leaked-reference', slot: 7 });
    expect(objectOf(await client.request('probelens/shownLoad')).line).toBe(summary.line);
    await goOn(halt.threadId);
    const next = await stopped();
    expect(next).toMatchObject({ reason: 'exception', description: 'BPF program load' });
    expect((await scopeOf(next.threadId)).values).toMatchObject({ name: 'xdp' });
    await goOn(next.threadId);
    expect(await stopOrEnd()).toBe('terminated');
    expect(reports().map(({ case: name }) => name)).toEqual(['leaked', 'xdp']);
  });

  it('halts the program where there is no debugger at what a person loads, with callers and what the verifier said', async () => {
    await launch(['bpf-load'], ['leaked'], 'probe');
    await client.ask('configurationDone');
    const callers = ['github.com/cilium/ebpf.newProgramWithOptions', 'main.loadByLibrary'];
    const before = await stopped();
    expect(before.description).toBe('BPF program load');
    expect((await haltOf(before.threadId)).names).toEqual(expect.arrayContaining(callers));
    await goOn(before.threadId);
    const texts: (string | undefined)[] = [];
    // Refused, and once more for the log.
    for (const check of ['""', '"leaked-reference"']) {
      const halt = await stopAs('BPF program refused');
      texts.push(halt.text);
      const { names, values } = await haltOf(halt.threadId);
      expect(names).toEqual(expect.arrayContaining(callers));
      expect(names[0]).toBe('bpf:load');
      expect(values).toMatchObject({ name: '"leaked"', errno: '22' });
      expect(values.check).toBe(check);
      await goOn(halt.threadId);
    }
    expect(texts[0]).toMatch(/refused, EINVAL\. github\.com\/cilium\/ebpf now loads it once more for the log/);
    expect(await stopOrEnd()).toBe('terminated');
    expect(client.output).toContain('Not stopped at: a feature test of github.com/cilium/ebpf, ');
    expect(await say('bpf log')).toContain('Unreleased reference');
  });

  it('stops before a load through libbpf and where the call of C returns, and of other C code only there', async () => {
    const program = await stage.program('bpfc');
    const about = (name: string) =>
      `C code is about to be called that loads eBPF programs (${name}); what it loads is shown after it.`;
    const ofLibbpf = about('bpf_prog_load');
    await launch(['bpf-load'], ['bpf_prog_load'], 'exec', program);
    await client.ask('configurationDone');

    const before = await stopped();
    expect(before).toMatchObject({ reason: 'exception', description: 'BPF program load', text: ofLibbpf });
    const { names, values } = await scopeOf(before.threadId);
    const stack = ['main._Cfunc_bpf_prog_load', 'main.loadAsLibbpf', 'main.main'];
    expect(names.slice(0, 3)).toEqual(stack);
    expect(values).toEqual({ program: 'C code will load it (bpf_prog_load); shown after that' });
    expect(objectOf(await client.request('probelens/shownLoad')).line).toBe(ofLibbpf);
    expect((await client.ask('evaluate', { expression: 'bpf reload', context: 'repl' })).message).toContain(
      'continue to the stop after the load',
    );
    await goOn(before.threadId);

    for (const [description, name, text, caller] of [
      ['BPF program loaded', 'from_c', 'C code loaded it (bpf_prog_load): this is where', 'main.loadAsLibbpf'],
      [
        'BPF program refused',
        'wrong_c',
        '. To stop before it next time, say "probe main._Cfunc_load_program do stop".',
        'main.load',
      ],
    ] as const) {
      const stop = await stopped();
      expect(stop).toMatchObject({ reason: 'exception', description });
      expect(stop.text).toContain(text);
      const after = await scopeOf(stop.threadId);
      expect(after.names).toEqual(expect.arrayContaining(['runtime.cgocall', caller, 'main.main']));
      expect(after.values.name).toBe(name);
      await goOn(stop.threadId);
    }
    expect(await stopOrEnd()).toBe('terminated');
    expect(await say('bpf log')).toContain('R0 !read_ok');
    await client.leave();

    // The key, too: once, and before a call of a skeleton's loader there is nothing yet to be seen.
    const ofSkeleton = about('programs__load');
    await launch([], ['programs__load'], 'exec', program);
    expect(await client.ask('probelens/pauseAtNextLoad')).toMatchObject({ success: true });
    await client.ask('configurationDone');
    const call = await stopped();
    expect(call).toMatchObject({ reason: 'exception', description: 'BPF program load', text: ofSkeleton });
    expect(client.output).toContain(ofSkeleton);
    await goOn(call.threadId);
    const pause = await stopped();
    expect(pause).toMatchObject({ reason: 'exception', description: 'BPF program loaded' });
    expect(objectOf(await client.request('probelens/shownLoad')).line).toContain('socket_filter "from_c"');
    await goOn(pause.threadId);
    expect(await stopOrEnd()).toBe('terminated');
    await client.leave();

    await launch(['bpf-load'], ['bpf_prog_load'], 'probe', program);
    await client.ask('configurationDone');
    const halt = await stopped();
    expect(halt).toMatchObject({ reason: 'exception', description: 'BPF program load', text: ofLibbpf });
    const alone = await scopeOf(halt.threadId);
    expect(alone.names.slice(0, 3)).toEqual(stack);
    expect(alone.values.program).toContain('C code will load it');
    await goOn(halt.threadId);
    for (const description of ['BPF program loaded', 'BPF program refused']) {
      const after = await stopped();
      expect(after.description).toBe(description);
      expect(after.text).toMatch(/\. C code loads it\.$/);
      await goOn(after.threadId);
    }
    expect(await stopOrEnd()).toBe('terminated');
  });
});
