// `npm run demo`: from a fresh clone to the demonstration. Plain JavaScript without dependencies, because it runs before
// anything is installed. Needs Node and Go; everything else goes into the checkout (node_modules, .cache).
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, '.cache');
const bin = join(cache, 'bin');

const pnpm = 'pnpm@12.21.0';
const delveVersion = '1.27.2';
// A real program of 16 MB with a hot function, all Go and quick to compile.
const esbuildVersion = '0.28.2';

const color = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
const paint = (code, text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);

class StepError extends Error {}

let child;
let interrupted = false;

/** Runs a program quietly; its output is shown only when it fails. */
const run = (command, args, env = {}) =>
  new Promise((resolve, reject) => {
    let output = '';
    child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that stopping it stops what it started.
      detached: true,
    });
    const collect = (data) => {
      output = (output + data).slice(-8000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => reject(new StepError(`${command} cannot be started (${error.code}).`)));
    child.on('close', (code) => {
      child = undefined;
      if (code === 0) resolve();
      else reject(new StepError(`"${command} ${args.join(' ')}" ended with exit code ${code}:\n${output.trim()}`));
    });
  });

const step = async (title, needed, work) => {
  const start = Date.now();
  process.stdout.write(`  ${title} ... `);
  if (!needed) {
    process.stdout.write(`${paint(2, 'already there')}\n`);
    return;
  }
  await work();
  // The signal came after the last program of this step had ended.
  if (interrupted) throw new StepError('Interrupted.');
  process.stdout.write(`${paint(32, 'done')} ${paint(2, `${((Date.now() - start) / 1000).toFixed(1)} s`)}\n`);
};

const goVersion = () => {
  const { status, stdout } = spawnSync('go', ['version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim().replace(/^go version /, '') : undefined;
};

const requireTools = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 10)) {
    throw new StepError(`Node 20.10 or newer is needed and this is ${process.versions.node}; see https://nodejs.org.`);
  }
  const go = goVersion();
  if (go === undefined) throw new StepError('Go is needed and was not found; see https://go.dev/dl.');
  process.stdout.write(`  Node ${process.versions.node}, ${go}\n`);
};

/** Everything that is installed or built goes below the checkout. */
const requireRoom = () => {
  for (const path of [root, cache, join(root, 'node_modules')]) {
    try {
      if (path === root || existsSync(path)) accessSync(path, constants.W_OK);
    } catch (error) {
      throw new StepError(
        `${path} cannot be written to (${error.code}), and what is installed and built goes there; clone the repository to a place of yours.`,
      );
    }
  }
};

const manifests = () => [
  'pnpm-lock.yaml',
  'package.json',
  ...readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'package.json')),
];

/** What is installed follows from these files alone. */
const installKey = () => {
  const hash = createHash('sha256').update(process.version);
  for (const name of manifests()) hash.update(readFileSync(join(root, name)));
  return hash.digest('hex');
};

const install = async () => {
  const stamp = join(cache, 'installed');
  const key = installKey();
  const fresh =
    existsSync(join(root, 'node_modules/.pnpm')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === key;
  await step('packages', !fresh, async () => {
    await run('npx', ['-y', pnpm, 'install', '--frozen-lockfile'], { CI: '1' });
    writeFileSync(stamp, key);
  });
};

const goTool = async (title, name, target, isRight) => {
  const path = join(bin, name);
  const there =
    existsSync(path) &&
    isRight(spawnSync(path, [name === 'dlv' ? 'version' : '--version'], { encoding: 'utf8' }).stdout);
  await step(title, !there, () => run('go', ['install', target], { GOBIN: bin, GOFLAGS: '-buildvcs=false' }));
};

const prepare = async () => {
  process.stdout.write(`${paint(1, 'Setting up')}\n`);
  requireTools();
  requireRoom();
  mkdirSync(bin, { recursive: true });
  await install();
  await step('probelens', true, () => run('npm', ['run', '--silent', 'build']));
  await goTool(`Delve ${delveVersion}`, 'dlv', `github.com/go-delve/delve/cmd/dlv@v${delveVersion}`, (text) =>
    text.includes(`Version: ${delveVersion}`),
  );
  await goTool(
    `esbuild ${esbuildVersion}, from source`,
    'esbuild',
    `github.com/evanw/esbuild/cmd/esbuild@v${esbuildVersion}`,
    (text) => text.includes(esbuildVersion),
  );
};

/** Through sudo the programs of the demonstration are root's, not the user's who asked for one that is traced. */
const forgetAsker = () => {
  for (const name of ['SUDO_UID', 'SUDO_GID']) delete process.env[name];
};

/** The demonstration itself is TypeScript, typechecked with the tests; bundled here because Node 20 cannot read it. */
const demonstrate = async () => {
  const { build } = await import('esbuild');
  // One directory below the root, as test/ is: what it bundles finds the checkout from there.
  const outfile = join(cache, 'demo.mjs');
  await build({
    entryPoints: [join(root, 'test/demo/demo.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@probelens/source'],
    external: ['koffi', 'iced-x86', 'web-tree-sitter'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const { demo } = await import(outfile);
  return await demo({ root, bin });
};

const stopChild = (signal) => {
  interrupted = true;
  if (child?.pid === undefined) process.exit(130);
  process.kill(-child.pid, signal);
};
const onInterrupt = () => stopChild('SIGINT');
process.on('SIGINT', onInterrupt);
process.on('SIGTERM', onInterrupt);

try {
  // A test that has everything already.
  if (!process.argv.includes('--only-demonstrate')) await prepare();
  // From here on the demonstration itself knows what there is to clean up.
  process.off('SIGINT', onInterrupt);
  process.off('SIGTERM', onInterrupt);
  forgetAsker();
  if (!process.argv.includes('--only-prepare')) process.exitCode = await demonstrate();
} catch (error) {
  process.stdout.write(`${paint(31, interrupted ? 'interrupted' : 'failed')}\n`);
  if (!interrupted) process.stderr.write(`\n${error instanceof StepError ? error.message : error.stack}\n`);
  process.exitCode = interrupted ? 130 : 1;
}
