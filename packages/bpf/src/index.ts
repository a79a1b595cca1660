export { Assembler, AssemblyError, JumpTooLong, type MapReference } from './assembler.js';
export { Btf, type BtfMember, kernelBtf } from './btf/btf.js';
export type { ProgramFunction } from './btf/function-types.js';
export { BtfError } from './btf/raw.js';
export { controlDevice, controlNumber } from './device-control.js';
export { type DisassembledInstruction, disassemble, listing } from './disassembler.js';
export { type Feature, type Features, features } from './features.js';
export { type HelperName, helperName, helperNames, helperNumber } from './helper-functions.js';
export { decode, type Instruction, type Operation } from './instruction.js';
export type { Arithmetic, AtomicOperation, Condition, Operand, Register, Width } from './isa.js';
export { stackBytes } from './isa.js';
export { errnoName, KernelError } from './kernel-error.js';
export { closeTogether } from './link/close-together.js';
export type { Link } from './link/link.js';
export {
  attachPerfEvent,
  type HardwareEvent,
  hardwareEvents,
  type PerfEvent,
  type PerfEventOptions,
  type SoftwareEvent,
  softwareEvents,
} from './link/perf-event.js';
export { attachPerfUprobe, type PerfUprobeOptions } from './link/perf-uprobe.js';
export { attachRawTracepoint, attachTracepoint, type TracepointOptions } from './link/tracepoint.js';
export { type UprobeLink, uprobeLinks } from './link/uprobe-links.js';
export { attachUprobeMulti, maxUprobesPerLink, type UprobeMultiOptions } from './link/uprobe-multi.js';
export { LossCounter, reserveOrCount } from './loss.js';
export { BpfMap, createMap, type MapOptions, type MapType, possibleCpus, type UpdateMode, u32, u64 } from './map.js';
export {
  type LinkInfo,
  linkInfo,
  type MapInfo,
  mapInfo,
  type ProgramInfo,
  programInfo,
  translatedInstructions,
} from './object-info.js';
export {
  attachTypeNames,
  flagNames,
  linkTypeNames,
  mapTypeNames,
  nameOf,
  programFlagNames,
  programTypeNames,
} from './object-names.js';
export { openProcess, type ProcessHandle } from './process.js';
export { loadProgram, Program, type ProgramOptions, type ProgramType, VerifierError } from './program.js';
export { type Capability, lockdown, missingCapabilities } from './refusal.js';
export { type OnRecord, RingBuffer, type RingSource } from './ring-buffer.js';
export { returnFreedMemory, type Watch } from './syscall.js';
export {
  listTracepoints,
  parseTracepointFormat,
  readTracepointFormat,
  type TracepointField,
  type TracepointFormat,
  TracepointFormatError,
  tracefs,
} from './tracepoint-format.js';
export { type TracepointSample, TracepointSamples } from './tracepoint-samples.js';
export { type SourceLine, summarizeVerifierLog, type VerifierSummary } from './verifier-log.js';
export { type PathPiece, pathText } from './verifier-path.js';
export type { RefusalKind } from './verifier-reason.js';
export { type VerifiedAgain, type VerifyAgain, verifyAgain } from './verify-again.js';
