/** What `crash:` texts mean, without a kernel. */
import { openGoBinary } from '@probelens/gosym';
import { describe, expect, it } from 'vitest';
import { buildFixture } from '../../../test/fixture-build.js';
import { requirement } from '../../../test/requirements.js';
import { crashWhats } from '../src/crash/what.js';
import { loadPlanner } from '../src/plan/planner.js';
import { validatePlan } from '../src/program/validate.js';
import { formatProbeText, parseProbeText } from '../src/spec/text.js';

const specOf = (text: string) => {
  const parsed = parseProbeText(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.spec;
};

describe('crash: as a text', () => {
  it.each(crashWhats)('crash:%s is written as it is read', (what) => {
    expect(formatProbeText(specOf(`crash:${what} do log`))).toMatch(new RegExp(`^crash:${what}\\b`));
  });
  it('names what there is where the text names something else', () => {
    expect(parseProbeText('crash:boom')).toMatchObject({ ok: false, message: expect.stringContaining('crash:panic') });
  });
});

describe.skipIf(requirement('go').missing)('crash: as a plan', () => {
  const planned = async (text: string, env: Readonly<Record<string, string>> = {}) => {
    const binary = await openGoBinary(await buildFixture('crashes', { env: { CGO_ENABLED: '0', ...env } }));
    const planner = await loadPlanner();
    try {
      return planner.plan(specOf(text), binary, { use: 'log' });
    } finally {
      planner.dispose();
      binary.close();
    }
  };

  it.each(crashWhats)('crash:%s is a plan that the agent takes', { timeout: 120_000 }, async (what) => {
    const result = await planned(`crash:${what}`);
    if (!result.ok) throw new Error(result.refusal.message);
    expect(validatePlan(JSON.parse(JSON.stringify(result.plan)), 'amd64').sites.length).toBe(result.plan.sites.length);
  });

  it('refuses conditions and other machines with a sentence', { timeout: 120_000 }, async () => {
    expect(await planned('crash:panic if x == 1')).toMatchObject({
      ok: false,
      refusal: { message: 'crash:panic takes no condition; leave it out, or probe runtime.gopanic.' },
    });
    expect(await planned('crash:panic', { GOARCH: 'arm64' })).toMatchObject({
      ok: false,
      refusal: { code: 'wrong-machine', message: expect.stringContaining('On arm64 only functions') },
    });
  });
});
