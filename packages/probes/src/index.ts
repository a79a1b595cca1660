export type * from './agent/protocol.js';
export type * from './events.js';
export type * from './plan/expression.js';
export type * from './plan/plan.js';
export type * from './spec/spec.js';
