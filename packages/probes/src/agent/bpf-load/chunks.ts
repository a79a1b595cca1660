/** The instructions of a load and the verifier's log, as chunks of bytes into the ring. r6, r9: program.ts. */
import type { Evaluation } from '../../program/evaluation.js';
import { frame } from '../../program/frame.js';
import { emitRecordFaults, emitRecordHeader } from '../../program/record-writer.js';
import {
  callFlags,
  chunk,
  chunkBytes,
  instructionChunks,
  kindOffset,
  logChunkBytes,
  logChunks,
  pending,
  recordKinds,
  smallChunkBytes,
} from './layout.js';
import { type BpfProgramRequest, exitFrame } from './request.js';

/** Offsets in union bpf_attr for BPF_PROG_LOAD, include/uapi/linux/bpf.h. */
const load = { count: 4, instructions: 8, logLevel: 24, logSize: 28, logBuffer: 32, trueSize: 140 } as const;
const instructionBytes = 8;

const attribute = (offset: number): number => pending.attributes + offset;

interface ChunkRecord {
  readonly kind: number;
  /** Of data. */
  readonly bytes: number;
  readonly failed: string;
}

/** r7 = a record of this kind with its header, or on to `failed`. */
const emitChunkRecord = (to: Evaluation, request: BpfProgramRequest, { kind, bytes, failed }: ChunkRecord): void => {
  const { assembler } = to;
  assembler
    .loadMap('r1', request.maps.events)
    .mov('r2', chunk.data + bytes)
    .mov('r3', 0)
    .call('ringbuf_reserve');
  assembler.jumpIf('r0', '==', 0, failed).mov('r7', 'r0');
  emitRecordHeader(to, { probe: request.probe, siteCookie: false });
  emitRecordFaults(to);
  assembler.store('r7', kindOffset, kind, 8).store('r7', chunk.length, 0, 8);
  assembler.load('r1', 'r10', exitFrame.position, 8).store('r7', chunk.position, 'r1', 8);
};

const emitSubmit = ({ assembler }: Evaluation): void => {
  assembler.mov('r1', 'r7').mov('r2', 0).call('ringbuf_submit');
};

const emitFlag = ({ assembler }: Evaluation, flag: number): void => {
  assembler.load('r1', 'r10', exitFrame.flags, 8).or('r1', flag).store('r10', exitFrame.flags, 'r1', 8);
};

/** The frame's `left` bytes of the instructions from `position` on, in one record. */
const emitInstructionChunk = (to: Evaluation, request: BpfProgramRequest, position: number, bytes: number): void => {
  const { assembler } = to;
  const unread = assembler.freshLabel('unread');
  emitChunkRecord(to, request, { kind: recordKinds.instructions, bytes, failed: 'code_lost' });
  assembler.load('r2', 'r10', exitFrame.left, 8).jumpIf('r2', '>', bytes, unread);
  assembler.load('r3', 'r9', attribute(load.instructions), 8).add('r3', position);
  assembler.mov('r1', 'r7').add('r1', chunk.data).call('probe_read_user').jumpIf('r0', '!=', 0, unread);
  assembler.load('r1', 'r10', exitFrame.left, 8).store('r7', chunk.length, 'r1', 8).label(unread);
  emitSubmit(to);
};

/** The first instructions, up to `instructionChunks` chunks. */
export const emitInstructions = (to: Evaluation, request: BpfProgramRequest): void => {
  const { assembler } = to;
  for (let index = 0; index < instructionChunks; index++) {
    const position = index * chunkBytes;
    const whole = assembler.freshLabel('whole');
    assembler.store('r10', exitFrame.position, position, 8);
    assembler.load('r8', 'r9', attribute(load.count), 4).jumpIf('r8', '<=', position / instructionBytes, 'code_done');
    assembler.sub('r8', position / instructionBytes).jumpIf('r8', '<=', chunkBytes / instructionBytes, whole);
    assembler
      .mov('r8', chunkBytes / instructionBytes)
      .label(whole)
      .mul('r8', instructionBytes);
    assembler.store('r10', exitFrame.left, 'r8', 8);
    if (index === 0) {
      const large = assembler.freshLabel('large');
      assembler.jumpIf('r8', '>', smallChunkBytes, large);
      emitInstructionChunk(to, request, position, smallChunkBytes);
      assembler.jump('code_done').label(large);
    }
    emitInstructionChunk(to, request, position, chunkBytes);
  }
  assembler.jump('code_done').label('code_lost');
  emitFlag(to, callFlags.instructionsLost);
  assembler.label('code_done').store('r10', exitFrame.left, 0, 8);
};

/**
 * The frame's `left` = bytes of the log with its NUL, 0 where the kernel does not say (before Linux 6.4, or attributes that
 * are too short for it); its `position` = where to begin.
 */
const emitLogBounds = ({ assembler }: Evaluation): void => {
  const kept = logChunks * logChunkBytes;
  assembler.store('r10', exitFrame.position, 0, 8).store('r10', exitFrame.left, 0, 8);
  assembler.load('r1', 'r9', pending.size, 8).jumpIf('r1', '<', load.trueSize + 4, 'log_start');
  assembler.load('r3', 'r9', pending.pointer, 8).add('r3', load.trueSize);
  assembler.mov('r1', 'r10').add('r1', frame.scratch).mov('r2', 4).call('probe_read_user');
  assembler.jumpIf('r0', '!=', 0, 'log_start').load('r1', 'r10', frame.scratch, 4);
  assembler.store('r10', exitFrame.left, 'r1', 8);
  // A log that is longer than its buffer has its end there, so no more than the buffer holds.
  assembler.load('r2', 'r9', attribute(load.logSize), 4).jumpIf('r1', '<=', 'r2', 'log_fits').mov('r1', 'r2');
  assembler.label('log_fits').jumpIf('r1', '<=', kept, 'log_start').sub('r1', kept);
  assembler.store('r10', exitFrame.position, 'r1', 8).label('log_start');
};

/** A record with the log from the frame's `position` to its NUL, or as much as fits; r8 = how many bytes of it. */
const emitLogChunk = (to: Evaluation, request: BpfProgramRequest, bytes: number): void => {
  const { assembler } = to;
  const unread = assembler.freshLabel('unread');
  const read = assembler.freshLabel('read');
  emitChunkRecord(to, request, { kind: recordKinds.log, bytes, failed: 'log_lost' });
  assembler.load('r3', 'r9', attribute(load.logBuffer), 8).load('r1', 'r10', exitFrame.position, 8).add('r3', 'r1');
  assembler.mov('r1', 'r7').add('r1', chunk.data).mov('r2', bytes).call('probe_read_user_str');
  // Bytes with the NUL, or a negative errno.
  assembler.mov('r8', 'r0').jumpIf('r8', 's<=', 0, unread).sub('r8', 1).store('r7', chunk.length, 'r8', 8);
  assembler.jump(read).label(unread).mov('r8', 0);
  emitFlag(to, callFlags.logLost);
  assembler.label(read);
  emitSubmit(to);
};

/** The log to its NUL; of one that is longer than `logChunks` chunks the end. */
export const emitLog = (to: Evaluation, request: BpfProgramRequest): void => {
  const { assembler } = to;
  assembler.load('r1', 'r9', attribute(load.logLevel), 4).jumpIf('r1', '==', 0, 'log_done');
  assembler.load('r1', 'r9', attribute(load.logBuffer), 8).jumpIf('r1', '==', 0, 'log_done');
  emitLogBounds(to);
  assembler.load('r1', 'r10', exitFrame.left, 8).jumpIf('r1', '==', 0, 'log_long');
  assembler.jumpIf('r1', '>', smallChunkBytes, 'log_long');
  emitLogChunk(to, request, smallChunkBytes);
  assembler.jump('log_done').label('log_long');
  for (let index = 0; index < logChunks; index++) {
    emitLogChunk(to, request, chunkBytes);
    assembler.jumpIf('r8', '<', logChunkBytes, 'log_done');
    assembler.load('r1', 'r10', exitFrame.position, 8).add('r1', logChunkBytes);
    assembler.store('r10', exitFrame.position, 'r1', 8);
  }
  assembler.jump('log_done').label('log_lost');
  emitFlag(to, callFlags.logLost);
  assembler.label('log_done');
};
