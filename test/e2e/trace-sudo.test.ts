/** The ways to privileges with the real sudo, for a user who has none. Its rules are put over the machine's in a mount namespace. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand } from '../command.js';
import { buildFixture } from '../fixture-build.js';
import { requirement } from '../requirements.js';

const user = 65534;
const beThatUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--reset-env'];

describe.skipIf(requirement('kernel', 'go', 'sudo').missing)('probelens trace by sudo', () => {
  let directory: string;
  let command: string;
  let orders: string;
  let ledger: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'probelens-sudo-'));
    chmodSync(directory, 0o777);
    command = await builtCommand();
    [orders, ledger] = [join(directory, 'orders'), join(directory, 'ledger')];
    copyFileSync(await buildFixture('orders'), orders);
    copyFileSync(await buildFixture('ledger'), ledger);
    for (const path of [orders, ledger]) chmodSync(path, 0o755);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Undefined, and said, where the checkout lies in a directory that the user may not read. */
  const asUser = async (rule: string, line: readonly string[]) => {
    const mayLook = await execa(beThatUser[0] ?? '', [...beThatUser.slice(1), process.execPath, command, 'version'], {
      reject: false,
    });
    if (mayLook.exitCode !== 0) {
      process.stderr.write(`not tried: user ${user} may not read ${command}\n`);
      return undefined;
    }
    const rules = join(directory, 'sudoers');
    rmSync(rules, { force: true });
    writeFileSync(rules, `Defaults !requiretty\n${rule}\n`, { mode: 0o440 });
    const inNamespace = `mount --bind ${rules} /etc/sudoers && exec "$@"`;
    const { exitCode, stdout, stderr } = await execa(
      'unshare',
      ['-m', 'sh', '-c', inNamespace, 'sh', ...beThatUser, ...line],
      { reject: false, stdin: 'ignore' },
    );
    return { exitCode, stdout, stderr };
  };

  const probes = ['--probe', 'main.price do count', '--probe', 'tracepoint:sched:sched_process_exec do log'];
  const trace = () => [process.execPath, command, 'trace', '--json', ...probes, orders, '--', '10'];

  it('runs the program as the user who asked', { timeout: 60_000 }, async () => {
    const written = join(directory, 'written');
    const ten = ['--probe', 'main.book do count', ledger, '--', '10', '1', written];
    const line = ['sudo', '-n', process.execPath, command, 'trace', '--json', ...ten];
    const run = await asUser(`#${user} ALL=(root) NOPASSWD: ALL`, line);
    if (run === undefined) return;
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(run.stdout)).toMatchObject({ exitCode: 0, probes: [{ hits: 10 }] });
    expect(statSync(written).uid).toBe(user);
  });

  it('starts its agent by the one line that doctor prints, and nothing else by it', { timeout: 60_000 }, async () => {
    const doctor = await asUser('', [process.execPath, command, 'doctor', '--json']);
    if (doctor === undefined) return;
    const checks: readonly { id: string; fix?: string }[] = doctor.stdout.split('\n').map((line) => JSON.parse(line));
    const rule = /^echo '(.*)' \| sudo tee /.exec(checks.find(({ id }) => id === 'privileges')?.fix ?? '')?.[1] ?? '';
    expect(rule).toMatch(/ALL=\(root\) NOPASSWD: .* agent$/);
    const run = await asUser(rule, trace());
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(run?.stdout.split('\n').at(-1) ?? '')).toMatchObject({ exitCode: 0, probes: [{ hits: 10 }, {}] });
    expect(await asUser(rule, ['sudo', '-n', 'true'])).toMatchObject({ exitCode: 1 });
    // Processes of others stay out of reach.
    const foreign = await asUser(rule, [
      process.execPath,
      command,
      'trace',
      '--pid',
      String(process.pid),
      '--probe',
      'main.main',
    ]);
    expect(foreign?.exitCode).toBe(1);
    expect(foreign?.stderr).toMatch(/^probelens: [^\n]+$/);
  });
});
