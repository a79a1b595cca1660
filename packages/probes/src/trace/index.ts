/** Tracing without a debugger. */
export { Budget, type BudgetedProbe, type BudgetOptions } from './budget.js';
export { type EventNames, eventMessage, formatTraceEvent, type TraceEvent } from './event.js';
export { type Forecast, forecast, forecastOf, formatForecast } from './forecast.js';
export { type HeldProgram, type Launch, launchHeld } from './launch.js';
export { type MachineTrace, type MachineTraceOptions, startMachineTrace } from './machine.js';
export { formatTraceSummary, type ProbeSummary, type TraceSummary } from './summary.js';
export { type StackPosition, stackPositions, symboliseStack } from './symbolise.js';
export { startTrace, type Trace, type TraceOptions, type TraceTarget } from './trace.js';
