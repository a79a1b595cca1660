/** Probes by text that stop at loads of eBPF: which, the kernel decides; with Delve and without it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { firstOf, present, resultOf } from './answers.js';
import type { TestClient } from './session-client.js';
import { SessionStage } from './session-stage.js';

describe.skipIf(requirement('kernel', 'delve', 'go').missing)('stops at loads of eBPF, by condition', () => {
  const stage = new SessionStage('bpf-stops');
  let client: TestClient;
  let program = '';

  beforeAll(async () => {
    program = await stage.program('bpfload');
  });

  const say = (expression: string) => client.ask('evaluate', { expression, context: 'repl' });

  const launch = async (mode: 'exec' | 'probe', args: readonly string[]): Promise<void> => {
    client = await stage.begin('launch', { mode, program, args });
  };

  /** What a signal interrupts (EAGAIN) is loaded again. */
  const over = 'errno != 11';
  /** By condition: names of the loads or maps that stop. */
  const wanted: Readonly<Record<string, readonly string[]>> = {
    [`bpf:load if type == "xdp" && ${over}`]: ['xdp'],
    [`bpf:load if (type[:4] == "trac" || type == "kprobe") && refused && ${over}`]: ['leaked', 'license'],
    [`bpf:load if attach == "cgroup_inet_ingress" && name[:6] == "cgroup" && license == "GPL" && ${over}`]: [
      'cgroup_skb',
    ],
    'bpf:load if license != "GPL" && license != "MIT" && len(license) == 11 && error == "EINVAL"': ['license'],
    [`bpf:load if !(attach == "") && !(type == "cgroup_skb") && comm == "bpfload" && ${over}`]: [],
    'bpf:map if type == "ringbuf" && entries > 0 && comm == "bpfload"': ['records'],
  };
  const cases = ['socket-filter', 'xdp', 'cgroup-skb', 'leaked', 'license'];

  const arm = async (): Promise<ReadonlyMap<number, string>> => {
    const ids = new Map<number, string>();
    for (const condition of Object.keys(wanted)) {
      const armed = await say(`probe ${condition} do stop`);
      ids.set(Number(/^\[(\d+)\]/.exec(resultOf(armed))?.[1]), condition);
    }
    expect(ids.size).toBe(Object.keys(wanted).length);
    return ids;
  };

  const nameIn = (text: string): string => /\bname: "([^"]*)"/.exec(text)?.[1] ?? text;

  it('under Delve, by names, licenses, kinds of programs and of errors', async () => {
    await launch('exec', ['-via', 'syscall', '-log', '1', ...cases]);
    const ids = await arm();
    // What the kernel cannot know is refused, with what it can.
    const refused = await say('probe bpf:load if check == "license" do stop');
    expect(refused.message ?? '').toMatch(
      /A stop by check.* decided in the kernel, where type, name, attach, .*license/,
    );
    await client.ask('configurationDone');
    const seen = new Map(Object.keys(wanted).map((condition) => [condition, [] as string[]]));
    for (;;) {
      const { event, body } = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event === 'terminated') break;
      expect(body.reason).toBe('breakpoint');
      for (const id of body.hitBreakpointIds ?? []) seen.get(ids.get(id) ?? '')?.push(nameIn(body.text ?? ''));
      await client.ask('continue', { threadId: body.threadId });
    }
    // One stop for a call that several want: the last that wanted it is named.
    const stopped = [...seen.values()].flat();
    expect(stopped.sort()).toEqual(['cgroup_skb', 'leaked', 'license', 'records', 'xdp']);
    for (const [condition, names] of seen) expect(wanted[condition]).toEqual(expect.arrayContaining(names));
  });

  it('without Delve, by the same', async () => {
    await launch('probe', ['-via', 'syscall', '-log', '1', ...cases]);
    await arm();
    await client.ask('configurationDone');
    const stopped: string[] = [];
    for (;;) {
      const { event, body } = await client.next((one) => one.event === 'stopped' || one.event === 'terminated');
      if (event === 'terminated') break;
      const { stackFrames } = await client.request('stackTrace', { threadId: body.threadId });
      const { scopes } = await client.request('scopes', { frameId: firstOf(stackFrames).id });
      const { variables } = await client.request('variables', scopes[0]);
      const name = present(variables.find((each) => each.name === 'name')).value;
      stopped.push(name.replaceAll('"', ''));
      await client.ask('continue', { threadId: body.threadId });
    }
    expect([...new Set(stopped)].sort()).toEqual(['cgroup_skb', 'leaked', 'license', 'records', 'xdp']);
  });
});
