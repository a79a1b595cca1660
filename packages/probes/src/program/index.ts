/** From plans to programs and from records to events: the agent's half that is pure. */
export { type HitCondition, validHits } from './hits.js';
export {
  buildProgram,
  buildSentinel,
  type ProgramMachine,
  type ProgramMaps,
  type ProgramRequest,
  type TaskLayout,
} from './program.js';
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
export { InvalidPlan } from './shape.js';
export { controlOffsets, controlSize, stateOffsets, stateSize } from './state.js';
export { validatePlan } from './validate.js';
