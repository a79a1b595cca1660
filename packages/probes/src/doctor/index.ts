export { mendBreakpoints } from './breakpoints.js';
export type { Check, CheckState } from './check.js';
export { type DoctorOptions, diagnose } from './doctor.js';
export { findLeftovers, type Leftover, mendLeftovers } from './leftovers.js';
