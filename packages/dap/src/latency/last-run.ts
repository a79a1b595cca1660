/** The last report, kept below XDG_STATE_HOME for the next run to be compared with. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isObject } from '../core/message.js';
import { stateDirectory } from '../terminal/history.js';
import type { LatencyReport } from './measure.js';

const pathIn = (env: NodeJS.ProcessEnv): string => join(stateDirectory(env), 'latency.json');

const isReport = (value: unknown): value is LatencyReport =>
  isObject(value) && typeof value.at === 'string' && Array.isArray(value.measures);

/** Undefined where there was none, or none that can be read. */
export const lastRun = (env: NodeJS.ProcessEnv): LatencyReport | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(pathIn(env), 'utf8'));
    return isReport(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof Error && 'code' in error)) return undefined;
    throw error;
  }
};

/** Throws a system error where there is no room. */
export const keepRun = (env: NodeJS.ProcessEnv, report: LatencyReport): void => {
  const path = pathIn(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(report)}\n`, { mode: 0o600 });
  renameSync(draft, path);
};
