/** Tracepoints exported to bpftrace: run there, they see what the program says that it did. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFixture, privateCopy } from '../../../../test/fixture-build.js';
import { requirement } from '../../../../test/requirements.js';
import type { AgentClient } from '../../src/client/client.js';
import { type Exported, exportBpftraceEvent, parseProbeText } from '../../src/index.js';
import { startTestAgent } from '../agent-process.js';

interface Write {
  readonly fd: number;
  readonly count: number;
}

describe.skipIf(requirement('kernel', 'go', 'bpftrace').missing)('tracepoints for bpftrace', () => {
  let directory: string;
  let errands: string;
  let agent: AgentClient;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-event-'));
    errands = await privateCopy(await buildFixture('errands'), directory);
    agent = await startTestAgent();
  });
  afterAll(async () => {
    await agent.dispose();
    rmSync(directory, { recursive: true, force: true });
  });

  const written = async (text: string): Promise<Exported> => {
    const parsed = parseProbeText(text);
    if (!parsed.ok) throw new Error(parsed.message);
    return exportBpftraceEvent(parsed.spec, await agent.sourceFields(parsed.spec.target));
  };

  it('judges integers and texts there as here', async () => {
    const script = join(directory, 'script.bt');
    const texts = [
      'tracepoint:syscalls:sys_enter_write if count%10 == 7 && int64(count) > int64(fd)+90 do log "{fd} {count*2}"',
      `tracepoint:syscalls:sys_enter_openat if dfd == -100 && filename[:${directory.length}] == "${directory}"`,
    ];
    const parts = await Promise.all(texts.map(written));
    const scripts = parts.map((part) => (part.ok ? part.text : part.refusal.message));
    // Two scripts in one run: bpftrace takes a second to start.
    const [first = '', second = ''] = scripts;
    writeFileSync(script, `${first}\n${second.replaceAll('@hits', '@opens').replaceAll('@matches', '@opened')}`);
    const done = spawnSync('bpftrace', [script, '-c', `${errands} files ${directory}`], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    const output = `${done.stdout}\n${done.stderr}`;
    const report: { readonly writes: readonly Write[] } = JSON.parse(
      readFileSync(join(directory, 'report.json'), 'utf8'),
    );
    const matching = report.writes.filter(({ fd, count }) => count % 10 === 7 && count > fd + 90);
    expect(matching.length).toBeGreaterThan(0);
    expect(output).toContain(`@hits: ${report.writes.length + 1}\n`);
    expect(output).toContain(`@matches: ${matching.length}\n`);
    for (const { fd, count } of matching) expect(output).toMatch(new RegExp(`^\\d+ \\d+ ${fd} ${count * 2}$`, 'm'));
    // 12 files, four writers' files, the report.
    expect(output).toContain('@opened: 17\n');
  });

  it('says what it has not', async () => {
    const message = async (text: string): Promise<string> => {
      const each = await written(text);
      return each.ok ? each.text : each.refusal.message;
    };
    expect(await message('tracepoint:sched:sched_switch if coming do count')).toContain('has no field coming');
    expect(await message('tracepoint:sched:sched_switch on main do count')).toContain('knows no goroutines');
    expect(await message('tracepoint:sched:sched_switch then arm 2')).toContain('do not switch each other');
    expect(await message('tracepoint:sched:sched_switch if prev_pit == 1')).toContain('has no field prev_pit');
  });
});
