/** The commands of a hover, run with the tools that they are for. */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { Editor, temporaryDirectory } from './editor.js';

const env = { GOFLAGS: '-mod=mod', GOWORK: 'off' };

describe.skipIf(requirement('go', 'kernel', 'bpftrace', 'perf').missing)('the commands of a hover', () => {
  test('count the calls that the program makes', async () => {
    const folder = temporaryDirectory();
    const file = join(folder, 'main.go');
    const calls = 'for i := 0; i < 321; i++ {\n\t\tstep(i)\n\t}';
    writeFileSync(join(folder, 'go.mod'), 'module example.com/small\n\ngo 1.20\n');
    writeFileSync(
      file,
      `package main\n\n//go:noinline\nfunc step(a int) int {\n\treturn a\n}\n\nfunc main() {\n\t${calls}\n}\n`,
    );
    await execa('go', ['build', '-o', 'small', '.'], { cwd: folder, env });
    const client = await Editor.start({ folder, controlDirectory: join(folder, 'run') });
    const text = (await client.hover(await client.open(file), 4, 6)) ?? '';
    await client.destroy();
    const [, script] = /bpftrace -e '(.*)'$/m.exec(text) ?? [];
    const traced = await execa('bpftrace', ['-e', script ?? '', '-c', join(folder, 'small')]);
    expect(traced.stdout).toMatch(/@hits: 321$/m);
    // Under a name of this test's own: other tests may be probing, too.
    const [, line] = /echo '(p:probelens\/\S+ \S+)'/.exec(text) ?? [];
    const event = `small_${process.pid}`;
    appendFileSync('/sys/kernel/tracing/uprobe_events', `${line?.replace(/probelens\/\S+/, `probelens/${event}`)}\n`);
    try {
      const counted = await execa('perf', ['stat', '-a', '-e', `probelens:${event}`, join(folder, 'small')]);
      expect(counted.stderr).toMatch(new RegExp(`\\b321\\s+probelens:${event}`));
    } finally {
      appendFileSync('/sys/kernel/tracing/uprobe_events', `-:probelens/${event}\n`);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
