/** From plans to programs and from records to events: the agent's half that is pure. */

export { validHits } from './hits.js';
export { buildProgram, buildSentinel } from './program.js';
export { ProgramError } from './program-error.js';
export {
  captureSize,
  maximumCaptures,
  type RecordHeader,
  type RecordLayout,
  readRecordHeader,
  readStack,
  recordFlags,
  recordLayout,
  recordOffsets,
} from './record.js';
export type { ProgramMachine } from './registers.js';
export type { HitCondition, ProgramMaps, ProgramRequest, TaskLayout } from './request.js';
export { InvalidPlan } from './shape.js';
export { controlOffsets, controlSize, stateOffsets, stateSize } from './state.js';
export { validatePlan } from './validate.js';
