import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { findProgram, requirement } from '../../../test/requirements.js';
import { type Feature, features, lockdown, missingCapabilities } from '../src/index.js';
import { bundle } from './bundle.js';

const script = new URL('children/features.ts', import.meta.url);

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

  const setpriv = findProgram('setpriv');
  it.skipIf(setpriv === undefined || process.getuid?.() !== 0)(
    'names the missing capabilities to somebody without any',
    async () => {
      const privileges = ['--reuid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
      const run = spawnSync(setpriv ?? '', [...privileges, process.execPath, await bundle(script)], {
        encoding: 'utf8',
      });
      const answers = JSON.parse(run.stdout) as Record<keyof ReturnType<typeof features>, Feature>;
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
      const run = spawnSync(setpriv ?? '', [...privileges, process.execPath, await bundle(script)], {
        encoding: 'utf8',
      });
      expect(run.stderr).toBe('');
      const answers = JSON.parse(run.stdout) as Record<keyof ReturnType<typeof features>, Feature>;
      expect(answers.bpf).toEqual({ works: true });
      expect(answers.ringBuffer).toEqual({ works: true });
      expect(answers.uprobeMulti).toEqual({ works: features().uprobeMulti.works });
      expect(answers.perfSoftware).toEqual({ works: true });
      // The fallback is the exception (kernel/events/core.c, perf_uprobe_event_init).
      if (!answers.perfUprobe.works) expect(answers.perfUprobe.reason).toMatch(/EACCES.*wants CAP_SYS_ADMIN/);
    },
  );

  it('reads capabilities and lockdown of this machine', () => {
    expect(missingCapabilities([])).toEqual([]);
    expect(['none', 'integrity', 'confidentiality', undefined]).toContain(lockdown());
  });
});
