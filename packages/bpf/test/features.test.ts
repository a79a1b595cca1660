import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import { type Feature, features, lockdown, missingCapabilities } from '../src/index.js';
import { bundle } from './bundle.js';

const source = new URL('children/features.ts', import.meta.url);
type Answers = Record<keyof ReturnType<typeof features>, Feature>;

describe.skipIf(requirement('kernel').missing)('features', () => {
  it('works here, and each is tried once', () => {
    const known = features();
    for (const name of ['bpf', 'ringBuffer', 'perfUprobe', 'tracepoint', 'rawTracepoint', 'btf', 'pidfd'] as const) {
      expect([name, known[name]]).toEqual([name, { works: true, reason: undefined }]);
      expect(known[name]).toBe(known[name]);
    }
  });

  it('says a reason with the next step for whatever does not work', () => {
    const known = features();
    for (const name of Object.keys(known) as (keyof typeof known)[]) {
      const { works, reason } = known[name];
      expect([name, works, typeof reason]).toEqual([name, works, works ? 'undefined' : 'string']);
    }
  });

  it('are tried where the usual temporary directory cannot be written to', async () => {
    const env = { ...process.env, TMPDIR: '/nowhere/at/all' };
    const run = spawnSync(process.execPath, [await bundle(source)], { encoding: 'utf8', env });
    const answers = JSON.parse(run.stdout) as Answers;
    expect(answers.uprobeMulti).toEqual(features().uprobeMulti);
    expect(answers.perfUprobe).toEqual(features().perfUprobe);
  });

  const setpriv = findProgram('setpriv');
  it.skipIf(setpriv === undefined || process.getuid?.() !== 0)(
    'names the missing capabilities to somebody without any',
    async () => {
      const privileges = ['--reuid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
      const run = spawnSync(setpriv ?? '', [...privileges, process.execPath, await bundle(source)], {
        encoding: 'utf8',
      });
      const answers = JSON.parse(run.stdout) as Answers;
      expect(answers.pidfd.works).toBe(true);
      expect(answers.uprobeMulti.works).toBe(false);
      expect(answers.uprobeMulti.reason).toMatch(/EPERM.*lacks CAP_BPF and CAP_PERFMON: run it with sudo/);
    },
  );

  it.skipIf(setpriv === undefined || process.getuid?.() !== 0)(
    'needs CAP_BPF and CAP_PERFMON only, and no CAP_SYS_RESOURCE',
    async () => {
      // bpf and perfmon by number: setpriv of Debian 12 may not know their names.
      const privileges = ['--bounding-set=-all,+cap_38,+cap_39', '--inh-caps=-all'];
      const run = spawnSync(setpriv ?? '', [...privileges, process.execPath, await bundle(source)], {
        encoding: 'utf8',
      });
      expect(run.stderr).toBe('');
      const answers = JSON.parse(run.stdout) as Answers;
      expect(answers.bpf).toEqual({ works: true });
      expect(answers.ringBuffer).toEqual({ works: true });
      expect(answers.uprobeMulti).toEqual({ works: features().uprobeMulti.works });
      expect(answers.perfSoftware).toEqual({ works: true });
      // The fallback is the exception (kernel/events/core.c, perf_uprobe_event_init).
      if (!answers.perfUprobe.works) expect(answers.perfUprobe.reason).toMatch(/EACCES.*wants CAP_SYS_ADMIN/);
    },
  );

  const unshare = findProgram('unshare');
  /** The features as a process sees them for which these shell commands changed the mounts; nobody else sees that. */
  const withMounts = async (commands: readonly string[], privileges: string): Promise<Answers> => {
    const script = [...commands, `exec ${privileges} "$0" "$1"`].join(' && ');
    const run = spawnSync(unshare ?? '', ['-m', 'sh', '-c', script, process.execPath, await bundle(source)], {
      encoding: 'utf8',
    });
    expect(run.stderr).toBe('');
    return JSON.parse(run.stdout) as Answers;
  };

  it.skipIf(unshare === undefined || process.getuid?.() !== 0)(
    'says what to mount or to build where tracefs, BTF, or the uprobe PMU is not there',
    async () => {
      const hide = ['/sys/kernel/tracing', '/sys/kernel/debug', '/sys/kernel/btf', '/sys/bus/event_source'];
      const answers = await withMounts(
        hide.filter((directory) => existsSync(directory)).map((directory) => `mount -t tmpfs none ${directory}`),
        '',
      );
      expect(answers.tracepoint.reason).toMatch(/run "mount -t tracefs nodev \/sys\/kernel\/tracing" as root/);
      expect(answers.btf.reason).toMatch(/CONFIG_DEBUG_INFO_BTF/);
      expect(answers.perfUprobe.reason).toMatch(/no uprobe PMU/);
      expect(answers.rawTracepoint).toEqual({ works: true });
    },
  );

  const securityfs = existsSync('/sys/kernel/security');
  it.skipIf(!securityfs || unshare === undefined || setpriv === undefined || process.getuid?.() !== 0)(
    'names kernel lockdown as the reason where it is in force',
    async () => {
      // Only the words: the refusal itself comes from the missing capabilities.
      const answers = await withMounts(
        [
          'mount -t tmpfs none /sys/kernel/security',
          'echo "none integrity [confidentiality]" > /sys/kernel/security/lockdown',
        ],
        `${setpriv} --reuid=65534 --clear-groups --inh-caps=-all --bounding-set=-all`,
      );
      expect(answers.bpf.reason).toMatch(/EPERM\. Kernel lockdown is in confidentiality mode/);
    },
  );

  it('reads capabilities and lockdown of this machine', () => {
    expect(missingCapabilities([])).toEqual([]);
    expect(['none', 'integrity', 'confidentiality', undefined]).toContain(lockdown());
  });
});
