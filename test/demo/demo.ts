/** The demonstration: what the bootstrap runs once everything is built. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentCommand, startAgent } from '@probelens/probes';
import { findProgram } from '../requirements.js';
import { demonstrateTimeline } from './around.js';
import { demonstrateBinary } from './binary.js';
import { demonstrateBreakpoint } from './breakpoint.js';
import { Cleanup } from './cleanup.js';
import { demonstrateConcurrency } from './concurrency.js';
import { type Cost, leastRatio, measureCost } from './cost.js';
import { demonstrateEditor, demonstrateLenses } from './editor.js';
import { demonstrateEndings } from './endings.js';
import { demonstrateLog } from './log.js';
import { duration, Page, thousands } from './page.js';
import { drawPicture } from './picture.js';
import { esbuild, orders, type Program } from './programs.js';
import { demonstrateRefusals } from './refusals.js';
import { pictured, sections } from './sections.js';
import { Stage } from './stage.js';
import { clearBehind } from './sweeper.js';

export interface DemoOptions {
  /** Root of the checkout. */
  readonly root: string;
  /** Directory with dlv and esbuild. */
  readonly bin: string;
}

/** Runs of demos that were killed leave their directory; those that still run keep it. */
const clearOldRuns = (parent: string): void => {
  for (const name of readdirSync(parent)) {
    const pid = Number(/^run-(\d+)$/.exec(name)?.[1]);
    if (!Number.isInteger(pid)) continue;
    if (!isRunning(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** Undefined when the kernel can be used, else one sentence that says why not. */
const kernelProblem = async (stage: Stage): Promise<string | undefined> => {
  try {
    const agent = await startAgent({ command: agentCommand([...stage.command, 'agent']) });
    const { capable, reason } = agent.hello;
    await agent.dispose();
    return capable ? undefined : (reason ?? 'the agent cannot load programs');
  } catch (error) {
    if (error instanceof Error && error.name === 'AgentFailure') return error.message;
    throw error;
  }
};

/** One program: the stop, then what a hit costs beside Delve. */
const demonstrateCondition = async (
  stage: Stage,
  program: Program,
  headings: readonly [string, string],
): Promise<Cost> => {
  const { page } = stage;
  page.heading(headings[0]);
  await demonstrateBreakpoint(stage, program, 'auto');
  page.heading(headings[1]);
  const cost = await measureCost(stage, program);
  const ratio = cost.delve / cost.kernel;
  page.check(
    ratio >= leastRatio,
    `the kernel is ${thousands(ratio)} times cheaper`,
    `at least ${leastRatio} is demanded`,
  );
  return cost;
};

const withKernel = async (
  stage: Stage,
  [service, real]: readonly [Program, Program],
): Promise<readonly (readonly string[])[]> => {
  const { page } = stage;
  const costs = [await demonstrateCondition(stage, service, [sections.condition, sections.cost])];
  page.heading(sections.log);
  const log = await demonstrateLog(stage, service);
  page.heading(sections.timeline);
  await demonstrateTimeline(stage, service);
  costs.push(await demonstrateCondition(stage, real, [sections.real, sections.realCost]));
  page.heading(sections.concurrency);
  const shown = await demonstrateConcurrency(stage, service);
  page.heading(sections.endings);
  const [harmless, endings] = await demonstrateEndings(stage, service);
  page.heading(sections.source);
  const hits = await demonstrateEditor(stage, service);
  page.heading(sections.refusals);
  await demonstrateRefusals(stage, service);
  return [
    ['', 'kernel', 'Delve', 'ratio'],
    ...costs.map(({ program, kernel, delve }) => [
      `hit that does not match, ${program.title.split(',')[0]}`,
      duration(kernel),
      duration(delve),
      `${thousands(delve / kernel)} x`,
    ]),
    ['log message', duration(log.kernel), duration(log.delve), `${thousands(log.delve / log.kernel)} x`],
    ['matches of 4 goroutines shown', `${shown.shown} of ${shown.matches}`, '', ''],
    ['endings that left nothing and harmed nothing', `${harmless} of ${endings}`, '', ''],
    ['hits counted from the source, without a stop', thousands(hits), '', ''],
  ];
};

const withoutKernel = async (stage: Stage, service: Program, reason: string): Promise<void> => {
  const { page } = stage;
  page.heading('The kernel cannot be used here');
  page.line(reason);
  page.line(
    findProgram('sudo') === undefined
      ? 'Enable it by running as root: npm run demo'
      : 'Enable it for one run with: sudo env "PATH=$PATH" npm run demo',
  );
  page.line('What follows works without it.');
  page.heading('What the source shows');
  await demonstrateLenses(stage, service);
  page.heading('A condition, judged by Delve');
  await demonstrateBreakpoint(stage, service, 'off');
};

const perform = async (stage: Stage, bin: string): Promise<void> => {
  const { page, directory } = stage;
  const service = await orders(directory);
  page.heading(sections.binary);
  await demonstrateBinary(stage, service);
  const reason = await kernelProblem(stage);
  if (reason === undefined) {
    stage.rememberLinks();
    const table = await withKernel(stage, [service, await esbuild(join(bin, 'esbuild'), directory)]);
    page.heading(sections.result);
    page.table(table);
    return;
  }
  if (process.env.PROBELENS_REQUIRE_ALL === '1') page.check(false, 'the kernel can be used', reason);
  await withoutKernel(stage, service, reason);
};

/** `npm run demo:record`: the picture in the README, only of a demo in which everything held. */
const record = (page: Page): void => {
  const path = process.env.PROBELENS_DEMO_PICTURE;
  if (path === undefined || page.failures > 0) return;
  writeFileSync(path, drawPicture('npm run demo', page.linesOf(pictured)));
};

/** Resolves with the exit code: 0 when every claim held. */
export const demo = async ({ root, bin }: DemoOptions): Promise<number> => {
  const parent = join(root, '.cache/demo');
  const directory = join(parent, `run-${process.pid}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  clearOldRuns(parent);
  const page = new Page();
  const cleanup = new Cleanup();
  cleanup.add(() => rmSync(directory, { recursive: true, force: true }));
  clearBehind(directory);
  let interrupted = false;
  const interrupt = (): void => {
    if (interrupted) return;
    interrupted = true;
    page.line('Interrupted: ending the sessions.');
    void cleanup.run().then(() => process.exit(130));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const start = Date.now();
  try {
    await perform(new Stage({ page, cleanup, directory, root, bin }), bin);
  } catch (error) {
    // Ending the sessions makes whatever was waiting for them fail.
    if (interrupted) return 130;
    page.check(false, error instanceof Error ? error.message : String(error));
    if (process.env.PROBELENS_DEBUG === '1' && error instanceof Error) page.line(error.stack);
  }
  await cleanup.run();
  record(page);
  const seconds = ((Date.now() - start) / 1000).toFixed(0);
  page.line();
  page.line(
    page.failures === 0 ? `Everything above held; ${seconds} s.` : `${page.failures} of the claims above did not hold.`,
  );
  return page.failures === 0 ? 0 : 1;
};
