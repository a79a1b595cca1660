/**
 * Listing every function of a program, whole processes side by side:
 *
 *     node test/bench/functions.mjs [BINARY...]
 *
 * probelens functions (the bundled command), a Go program on debug/gosym that prints the same columns
 * (fixtures/truth -list), `go tool nm -size -sort address` (no files, no lines), and Node with nothing to do. Programs are
 * run in turns, so that all see the same machine; the minimum of the rounds is shown, with the peak resident memory.
 * Without an argument the cached Delve is listed. Debian's prometheus (63,128 functions, stripped) is the large one:
 *
 *     apt-get download prometheus && dpkg-deb -x prometheus_*.deb x && node test/bench/functions.mjs x/usr/bin/prometheus
 *
 * Reach: 2 times debug/gosym, node's start included, and 110 MB; `explain --no-sites` at most 1.5 times node's bare start.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rounds = Number(process.env.ROUNDS ?? 15);
const command = join(root, 'packages/cli/bin/probelens.js');
const sink = openSync('/dev/null', 'w');

const fail = (message) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

const cachedDelve = () => {
  const folders = [join(root, '.cache/bin'), join(homedir(), 'go/bin')].filter(existsSync);
  const found = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name === 'dlv')
      .map((name) => join(folder, name)),
  );
  return found[0] ?? fail('no Delve is cached; name a Go program to list.');
};

/** Milliseconds and kilobytes of one run. */
const once = (argv) => {
  const [program, ...args] = existsSync('/usr/bin/time') ? ['/usr/bin/time', '-f', '%M', ...argv] : argv;
  const start = process.hrtime.bigint();
  const run = spawnSync(program, args, { stdio: ['ignore', sink, 'pipe'] });
  const time = Number(process.hrtime.bigint() - start) / 1e6;
  if (run.status !== 0 && argv[0] !== 'go') fail(`${argv.join(' ')}: ${run.stderr}`);
  return { time, memory: Number(run.stderr.toString().trim().split('\n').at(-1)) };
};

const measure = (commands) => {
  const best = commands.map(() => ({ time: Number.POSITIVE_INFINITY, memory: 0 }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, { argv }] of commands.entries()) {
      const { time, memory } = once(argv);
      best[index] = { time: Math.min(best[index].time, time), memory: Math.max(best[index].memory, memory) };
    }
  }
  return best;
};

const counted = (binary) =>
  spawnSync(process.execPath, [command, 'functions', binary, '--json', '--generated'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  }).stdout.split('\n').length - 1;

const directory = mkdtempSync(join(tmpdir(), 'probelens-bench-'));
const truth = join(directory, 'truth');
const built = spawnSync('go', ['build', '-o', truth, '.'], { cwd: join(root, 'fixtures/truth'), encoding: 'utf8' });
if (built.status !== 0) fail(`fixtures/truth was not built: ${built.stderr ?? built.error}`);
if (!existsSync(command)) fail('the command is not built; run the build first.');

const binaries = process.argv.length > 2 ? process.argv.slice(2) : [cachedDelve()];
for (const binary of binaries) {
  const commands = [
    {
      name: 'probelens functions --json',
      argv: [process.execPath, command, 'functions', binary, '--json', '--generated'],
    },
    { name: 'debug/gosym (Go)', argv: [truth, '-list', binary] },
    { name: 'go tool nm -size -sort address', argv: ['go', 'tool', 'nm', '-size', '-sort', 'address', binary] },
    {
      name: 'probelens explain --no-sites',
      argv: [process.execPath, command, 'explain', binary, 'main.main', '--no-sites', '--json'],
    },
    { name: 'node -e 0', argv: [process.execPath, '-e', '0'] },
  ];
  const best = measure(commands);
  process.stdout.write(`${binary}: ${counted(binary)} functions, minimum of ${rounds} rounds\n`);
  for (const [index, { name }] of commands.entries()) {
    const { time, memory } = best[index];
    process.stdout.write(
      `  ${name.padEnd(32)} ${time.toFixed(0).padStart(6)} ms ${(memory / 1024).toFixed(0).padStart(6)} MB\n`,
    );
  }
  const ratio = (a, b) => (best[a].time / best[b].time).toFixed(2);
  process.stdout.write(`  listing / debug/gosym ${ratio(0, 1)}, explain / bare node ${ratio(3, 4)}\n`);
}
closeSync(sink);
rmSync(directory, { recursive: true });
