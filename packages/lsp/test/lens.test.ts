import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fixtureSources } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { Editor, temporaryDirectory } from './editor.js';
import { StandInSession } from './stand-in-session.js';

describe.skipIf(requirement('go').missing)('a program and its sources', () => {
  let folder: string;
  let controlDirectory: string;
  let editor: Editor;
  const running: StandInSession[] = [];
  const session = async (): Promise<StandInSession> => {
    const started = new StandInSession();
    await started.start(controlDirectory, { binary: join(folder, 'orders'), workspace: folder });
    running.push(started);
    return started;
  };

  beforeAll(async () => {
    folder = temporaryDirectory();
    cpSync(fixtureSources('orders'), folder, { recursive: true });
    await execa('go', ['build', '-o', 'orders', '.'], { cwd: folder, env: { GOFLAGS: '-mod=mod', GOWORK: 'off' } });
  });
  beforeEach(async () => {
    controlDirectory = join(temporaryDirectory(), 'sessions');
    editor = await Editor.start({ folder, controlDirectory });
  });
  afterEach(async () => {
    for (const started of running.splice(0)) await started.stop();
    await editor.destroy();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const source = readFileSync(join(fixtureSources('orders'), 'order.go'), 'utf8').split('\n');
  const lineOf = (text: string): number => source.findIndex((candidate) => candidate.includes(text)) + 1;
  const line = {
    price: lineOf('func price('),
    notional: lineOf('func notional('),
    multiplier: lineOf('func multiplier('),
    callOfNotional: lineOf(':= notional('),
  };

  test('every function says what the binary has of it', async () => {
    const uri = await editor.open(join(folder, 'order.go'));
    expect(await editor.lensTexts(uri)).toEqual([
      `${line.price}: probe this function`,
      `${line.notional}: inlined into 1 caller: probe all copies`,
      `${line.multiplier}: inlined into 1 caller: probe all copies`,
    ]);
    expect(editor.progress.map((value) => value.kind)).toContain('end');
    expect(editor.progress[0]?.title).toBe('Reading orders');
  });

  test('a function that was inlined away is diagnosed with the places, in words and as links', async () => {
    const uri = await editor.open(join(folder, 'order.go'));
    await editor.until(() => (editor.diagnostics.get(uri) ?? []).length > 0);
    const found = editor.diagnostics.get(uri) ?? [];
    expect(found.map((diagnostic) => diagnostic.code)).toEqual(['inlined-everywhere', 'inlined-everywhere']);
    expect(found[0]?.range.start.line).toBe(line.notional - 1);
    expect(found[0]?.message).toContain(`main.price (order.go:${line.callOfNotional})`);
    expect(found[0]?.relatedInformation).toEqual([
      expect.objectContaining({
        location: expect.objectContaining({
          uri,
          range: expect.objectContaining({ start: { line: line.callOfNotional - 1, character: 0 } }),
        }),
      }),
    ]);
  });

  test('a lens reaches the session, counts its hits, and takes the probe back', async () => {
    const live = await session();
    const uri = await editor.open(join(folder, 'order.go'));
    await editor.runLens(uri, line.price, /probe this function/);
    expect(live.probes.map((probe) => probe.text)).toEqual(['main.price do count']);
    expect(await editor.lensTexts(uri)).toContain(`${line.price}: probed - 0 hits`);
    live.hit(1, 1234);
    await editor.until(async () => (await editor.lensTexts(uri)).includes(`${line.price}: probed - 1,234 hits`));
    await editor.runLens(uri, line.price, /probed/);
    expect(live.probes).toEqual([]);
    expect(await editor.lensTexts(uri)).toContain(`${line.price}: probe this function`);
  });

  test('without a session the probe is kept, said to be, and set in the next one', async () => {
    const uri = await editor.open(join(folder, 'order.go'));
    await editor.runLens(uri, line.price, /probe this function/);
    expect(editor.messages.join()).toMatch(/No debug session .* main\.price will be probed when one starts/);
    expect(await editor.lensTexts(uri)).toContain(`${line.price}: probed when a debug session starts`);
    const live = await session();
    await editor.until(async () => (await editor.lensTexts(uri)).includes(`${line.price}: probed - 0 hits`));
    expect(live.probes.map((probe) => probe.text)).toEqual(['main.price do count']);
  });

  test('what was probed is remembered by the next server, set in its sessions, listed, and forgotten when taken back', async () => {
    const stateHome = temporaryDirectory();
    const restart = async (): Promise<string> => {
      await editor.destroy();
      editor = await Editor.start({ folder, controlDirectory, stateHome });
      return editor.open(join(folder, 'order.go'));
    };
    const first = await restart();
    await editor.runLens(first, line.price, /probe this function/);
    const again = await restart();
    await editor.until(() => editor.messages.length > 0);
    expect(await editor.lensTexts(again)).toContain(`${line.price}: probed when a debug session starts`);
    expect(editor.messages).toEqual([expect.stringMatching(/^Remembered from before.*: main\.price do count\./)]);
    await editor.execute('probelens.probes');
    await editor.until(() => editor.messages.at(-1) === 'main.price do count - waiting for a session');
    const live = await session();
    await editor.until(() => live.probes.length === 1);
    // Killed, not ended: what was probed is on the disk already.
    const third = await restart();
    await editor.until(async () => (await editor.lensTexts(third)).includes(`${line.price}: probed - 0 hits`));
    expect(live.probes.length).toBe(1);
    await editor.runLens(third, line.price, /probed/);
    expect(live.probes).toEqual([]);
    const last = await restart();
    expect(await editor.lensTexts(last)).toContain(`${line.price}: probe this function`);
    expect(editor.messages).toEqual([]);
  });

  test('code actions are the lenses’ twins, anywhere in the function', async () => {
    const live = await session();
    const uri = await editor.open(join(folder, 'order.go'));
    const [probe, ...others] = await editor.actions(uri, line.price + 2);
    expect(others).toEqual([]);
    expect(probe?.title).toBe('Probe price');
    // An editor that organizes imports when it saves would run what it gets.
    expect(await editor.actions(uri, line.price, 0, ['source.organizeImports'])).toEqual([]);
    expect((await editor.actions(uri, line.price, 0, ['probelens'])).length).toBe(1);
    await editor.execute(probe?.command?.command ?? '', probe?.command?.arguments);
    expect(live.probes.length).toBe(1);
    expect((await editor.actions(uri, line.price)).map((action) => action.title)).toEqual([
      'Remove the probe on price (0 hits)',
    ]);
    const [inlined] = await editor.actions(uri, line.notional);
    await editor.execute(inlined?.command?.command ?? '', inlined?.command?.arguments);
    expect(live.probes.map((other) => other.text)).toContain('main.notional inlined do count');
  });

  test('one command arms what is under the cursor and takes it back', async () => {
    const live = await session();
    const uri = await editor.open(join(folder, 'order.go'));
    const at = (number: number) => ({ textDocument: { uri }, position: { line: number - 1, character: 1 } });
    await editor.execute('probelens.probeAt', [at(line.price + 2)]);
    expect(live.probes.map((probe) => probe.text)).toEqual(['main.price do count']);
    await editor.execute('probelens.probeAt', [at(line.price)]);
    expect(live.probes).toEqual([]);
    await editor.execute('probelens.probeAt', [at(line.notional)]);
    expect(live.probes.map((probe) => probe.text)).toEqual(['main.notional inlined do count']);
    await editor.execute('probelens.probeAt', [at(1)]);
    await editor.until(() => editor.messages.join().includes('There is no function here'));
    for (const wrong of [undefined, {}, { textDocument: { uri }, position: { line: -1, character: 0 } }])
      expect(await editor.execute('probelens.probeAt', [wrong])).toBeNull();
    await editor.until(() => editor.messages.filter((text) => text.includes('takes a document')).length === 3);
  });

  test('a whole probe text is probed, counted at its function, and taken back', async () => {
    const live = await session();
    const uri = await editor.open(join(folder, 'order.go'));
    const text = 'main.price if o.Qty == 0 do log "{o.ID}"';
    await editor.execute('probelens.probe', [{ text }]);
    expect(live.probes.map((probe) => probe.text)).toEqual([text]);
    expect(await editor.lensTexts(uri)).toContain(`${line.price}: probed - 0 hits`);
    await editor.execute('probelens.unprobe', [{ text }]);
    await editor.execute('probelens.probe', [{ text: 'order.go:20 do count' }]);
    await editor.execute('probelens.unprobe', [{ text: 'order.go:20' }]);
    expect(live.probes).toEqual([]);
    await editor.execute('probelens.probe', [{ text: 'main.price if' }]);
    await editor.until(() => editor.messages.at(-1)?.startsWith('"main.price if" is no probe: ') === true);
  });

  test('of several sessions the person chooses one, once while it lives; what it had goes to the one that is left', async () => {
    const older = await session();
    const newer = await session();
    const uri = await editor.open(join(folder, 'order.go'));
    editor.answer = (answers) => answers[1];
    await editor.runLens(uri, line.price, /probe this function/);
    await editor.execute('probelens.probe', ['main.worker']);
    const title = `orders (process ${process.pid})`;
    expect(editor.questions).toEqual([[`1. ${title}`, `2. ${title}`]]);
    expect(older.probes.map((probe) => probe.text)).toEqual(['main.price do count', 'main.worker do count']);
    expect(newer.probes).toEqual([]);
    await older.stop();
    await editor.until(async () => newer.probes.length === 2 && (await editor.lenses(uri)).length > 0);
    expect(await editor.lensTexts(uri)).toContain(`${line.price}: probed - 0 hits`);
  });

  test('variables that a probe names and the program does not have there are diagnosed, where the probe is', async () => {
    const live = await session();
    const uri = await editor.open(join(folder, 'order.go'));
    const said = () =>
      (editor.diagnostics.get(uri) ?? [])
        .filter(({ code }) => code === 'probe-variable')
        .map(({ range, message, severity }) => `${range.start.line + 1} ${severity}: ${message}`);
    const assignment = lineOf('scaled := ');
    live.put('main.price if o.Qty == 0 do count');
    live.put('main.price return if mult > 2 do count');
    live.put(`order.go:${assignment} do log "{value} {nothing}"`);
    live.put('order.go:99999 if mult > 2 do count');
    live.put('main.worker if nothing > 2 do count');
    await editor.until(() => said().length === 2);
    expect(said()).toEqual([
      `${line.price} 2: The probe "main.price return if mult > 2 do count" cannot see all that it names in orders. mult cannot be read here: parameters are gone when the function returns.`,
      expect.stringMatching(new RegExp(`^${assignment} 2: The probe "order\\.go:${assignment} do log .* cannot see`)),
    ]);
    for (const { id } of [...live.probes]) live.drop(id);
    await editor.until(() => said().length === 0);
  });

  test('what the session refuses is said and not kept', async () => {
    await session();
    const uri = await editor.open(join(folder, 'order.go'));
    await editor.execute('probelens.probe', ['main.refused']);
    expect(editor.messages.join()).toContain('It cannot be probed.');
    expect(await editor.execute('probelens.probes')).toEqual([]);
    expect(await editor.lensTexts(uri)).toContain(`${line.price}: probe this function`);
  });

  test('the server ends as the protocol says', async () => {
    expect(await editor.quit()).toBe(0);
  });

  test('the server ends with its client', async () => {
    const uri = await editor.open(join(folder, 'order.go'));
    await editor.lenses(uri);
    expect(await editor.hangUp()).toBe(1);
  });
});
