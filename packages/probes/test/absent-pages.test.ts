/**
 * Conditions on memory that nobody has touched yet: pages that are not there. A sleepable program fetches them; without
 * that the hit is "faulted", never missed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMap } from '@probelens/bpf';
import { openGoBinary } from '@probelens/gosym';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { requirement } from '../../../test/requirements.js';
import { admit } from '../src/agent/admission.js';
import { ArmedProbe } from '../src/agent/armed-probe.js';
import { BinaryFiles } from '../src/agent/binary-file.js';
import { loadPlanner } from '../src/plan/planner.js';
import { controlSize } from '../src/program/index.js';
import { parseProbeText } from '../src/spec/text.js';
import { launchHeld } from '../src/trace/launch.js';

/** Each call gets the address of a fresh page of a fresh mapping, and reads nothing of it. */
const source = `package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

type Page struct {
	Number int
	Rest   [4088]byte
}

//go:noinline
func visit(page *Page) uintptr {
	fmt.Fprint(quiet, "")
	return uintptr(unsafe.Pointer(page))
}

var quiet, _ = os.OpenFile("/dev/null", os.O_WRONLY, 0)

func main() {
	memory, err := syscall.Mmap(-1, 0, 420*4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		panic(err)
	}
	for at := 0; at < len(memory); at += 4096 {
		visit((*Page)(unsafe.Pointer(uintptr(unsafe.Pointer(unsafe.SliceData(memory))) + uintptr(at))))
	}
}
`;

it.skipIf(requirement('kernel', 'go').missing)(
  'reads 420 of 420 absent pages with a sleepable program, and says of each that it could not without',
  { timeout: 120_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'probelens-pages-'));
    const path = join(directory, 'pages');
    writeFileSync(join(directory, 'main.go'), source);
    writeFileSync(join(directory, 'go.mod'), 'module probelens.example/pages\n\ngo 1.20\n');
    await execa('go', ['build', '-o', path, '.'], { cwd: directory, env: { GOWORK: 'off' } });
    const planner = await loadPlanner();
    const binary = await openGoBinary(path);
    const files = new BinaryFiles();
    const control = createMap({ type: 'array', name: 'probelens_ctl', valueSize: controlSize, maxEntries: 1 });
    const events = createMap({ type: 'ringbuf', name: 'probelens_ring', maxEntries: 64 * 1024 });
    try {
      const parsed = parseProbeText('main.visit if page.Number == 0 do count');
      if (!parsed.ok) throw new Error(parsed.message);
      const planned = planner.plan(parsed.spec, binary, { use: 'log' });
      if (!planned.ok) throw new Error(planned.refusal.message);
      const run = async (sleepable: boolean) => {
        const held = await launchHeld({ path, args: [], stdio: 'ignore' });
        const target = { pid: held.pid, tracer: undefined, starting: true };
        const admitted = await admit(planned.plan, target, { files, asking: 0, ours: () => false });
        const probe = new ArmedProbe({
          id: 1,
          plan: planned.plan,
          admitted,
          machine: 'amd64',
          stop: { kind: 'none' },
          maps: { control, events },
          abilities: { uprobeMulti: true, uprobeMultiPid: true, sleepable, cookies: true, closeRange: true },
        });
        held.release();
        expect(await held.exited).toBe(0);
        return probe.disarm();
      };
      expect(await run(true)).toMatchObject({ hits: 420, matches: 420, faults: 0 });
      // Whether a faulted hit also counts as a match is the program's affair; that it is counted as faulted is ours.
      expect(await run(false)).toMatchObject({ hits: 420, faults: 420 });
    } finally {
      planner.dispose();
      binary.close();
      files.close();
      control.close();
      events.close();
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
