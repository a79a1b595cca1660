/** The debug adapter as a library: a pure session core, and two ways to serve it. */
export { type StdioOptions, serveStdio, serveTcp, type TcpOptions, type TcpServer } from './client/serve.js';
export type { Input } from './core/input.js';
export type * from './core/kernel-words.js';
export type { Event, Message, Request, Response } from './core/message.js';
export type { KeepState, Output, ProbeView, TimerName } from './core/output.js';
export { initialState, type SessionState } from './core/state.js';
export { type StepResult, step } from './core/step.js';
export { findDelve } from './delve/find.js';
export { AdapterError, errors, type UserError } from './errors.js';
export { type KeeperOptions, runKeeper } from './keeper/keeper.js';
export type { PlannerPort } from './kernel/room.js';
export { keepRun, lastRun } from './latency/last-run.js';
export { type LatencyOptions, type LatencyReport, type Measure, measureLatency } from './latency/measure.js';
export { latencyText } from './latency/report-text.js';
export type { DapOptions } from './options.js';
export { type Key, keys as terminalKeys } from './terminal/keys.js';
export { runTerminal, type TerminalOptions } from './terminal/run.js';
export type { TerminalStart } from './terminal/start.js';
