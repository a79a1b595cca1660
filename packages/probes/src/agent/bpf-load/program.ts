/**
 * The programs at sys_enter_bpf and sys_exit_bpf. The first remembers what was asked before the kernel writes into it; the
 * second tells what became of it, with everything that the program may free or overwrite as soon as it runs on: the
 * instructions, the verifier's log, and the id behind the new descriptor. Whatever it reads of the program's memory the
 * kernel itself has just read or written, so it is there.
 */
import { Assembler } from '@probelens/bpf';
import type { Evaluation } from '../../program/evaluation.js';
import { frame } from '../../program/frame.js';
import { emitCount, emitNumber } from '../../program/gate.js';
import { emitRecordFaults, emitRecordHeader } from '../../program/record-writer.js';
import { emitKernelGoroutine } from '../source-goroutine.js';
import { emitSourceStack } from '../source-stack.js';
import { emitInstructions, emitLog } from './chunks.js';
import { emitGuesses } from './guess.js';
import {
  attributeBytes,
  call,
  callFlags,
  callLayout,
  commands,
  commBytes,
  kindOffset,
  licenseBytes,
  nameBytes,
  pending,
  pendingBytes,
  recordKinds,
} from './layout.js';
import { emitObjectId } from './object-id.js';
import { type BpfProgramRequest, exitFrame, result } from './request.js';
import { emitStopAfter } from './stop.js';

/** Arguments at sys_enter: behind the common fields and the number of the system call. */
const [firstArgument, secondArgument, thirdArgument] = [16, 24, 32];

const evaluation = (request: BpfProgramRequest): Evaluation => ({
  assembler: new Assembler(),
  machine: request.machine,
  sleepable: false,
  goidOffset: request.runtime?.goid,
  fault: 'out',
});

const emitWhose = ({ assembler }: Evaluation, { target, self, user }: BpfProgramRequest): void => {
  assembler.call('get_current_pid_tgid').store('r10', frame.pidTid, 'r0', 8).rsh('r0', 32);
  if (target !== undefined) assembler.jumpIf('r0', '!=', target, 'out');
  else assembler.jumpIf('r0', '==', self, 'out');
  if (user === undefined) return;
  assembler.call('get_current_uid_gid').lsh('r0', 32).rsh('r0', 32).jumpIf('r0', '!=', user, 'out');
};

/** At sys_enter_bpf. */
export const buildEnter = (request: BpfProgramRequest): Uint8Array => {
  const to = evaluation(request);
  const { assembler } = to;
  const value = frame.scratch - pendingBytes;
  const at = (offset: number): number => value + offset;
  assembler.mov('r6', 'r1').load('r7', 'r6', firstArgument, 4);
  for (const command of request.commands) assembler.jumpIf('r7', '==', command, 'ours');
  assembler.jump('out').label('ours');
  emitWhose(to, request);
  for (let offset = 0; offset < pendingBytes; offset += 8) assembler.store('r10', at(offset), 0, 8);
  assembler.call('ktime_get_ns').store('r10', at(pending.time), 'r0', 8).store('r10', at(pending.command), 'r7', 8);
  assembler.load('r3', 'r6', secondArgument, 8).store('r10', at(pending.pointer), 'r3', 8);
  assembler.load('r2', 'r6', thirdArgument, 4).store('r10', at(pending.size), 'r2', 8);
  assembler.jumpIf('r2', '<=', attributeBytes, 'fits').mov('r2', attributeBytes).label('fits');
  assembler.mov('r1', 'r10').add('r1', at(pending.attributes)).call('probe_read_user');
  assembler.jumpIf('r0', '==', 0, 'read').store('r10', at(pending.unread), 1, 8).label('read');
  assembler.loadMap('r1', request.maps.calls).mov('r2', 'r10').add('r2', frame.pidTid);
  assembler.mov('r3', 'r10').add('r3', value).mov('r4', 0).call('map_update_elem');
  return assembler.label('out').mov('r0', 0).exit().assemble();
};

/** At the exit the kernel has read them: a page that was missing at the entry is there. r9 = the remembered call. */
const emitSecondTry = ({ assembler }: Evaluation): void => {
  assembler.load('r1', 'r9', pending.unread, 8).jumpIf('r1', '==', 0, 'known');
  assembler.load('r2', 'r9', pending.size, 8).jumpIf('r2', '<=', attributeBytes, 'whole').mov('r2', attributeBytes);
  assembler.label('whole').load('r3', 'r9', pending.pointer, 8).mov('r1', 'r9').add('r1', pending.attributes);
  assembler.call('probe_read_user').jumpIf('r0', '==', 0, 'known');
  assembler.store('r10', exitFrame.flags, callFlags.unread, 8).label('known');
};

const emitIds = (to: Evaluation, request: BpfProgramRequest): void => {
  const { assembler } = to;
  const { objects } = request;
  assembler.store('r10', exitFrame.object, 0, 8).store('r10', exitFrame.program, 0, 8);
  assembler.store('r10', exitFrame.tag, 0, 8).load('r8', 'r6', result, 8).jumpIf('r8', 's<', 0, 'no_object');
  assembler.load('r7', 'r9', pending.command, 8);
  const kinds = [
    [commands.programLoad, 'program'],
    [commands.mapCreate, 'map'],
    [commands.linkCreate, 'link'],
    [commands.rawTracepoint, 'link'],
  ] as const;
  for (const [command, kind] of kinds) {
    if (!request.commands.includes(command)) continue;
    const other = assembler.freshLabel('other');
    assembler.jumpIf('r7', '!=', command, other);
    emitObjectId(to, objects, kind, exitFrame.object);
    assembler.jump('no_object').label(other);
  }
  assembler.label('no_object');
  // Where the attributes name a program: LINK_CREATE 0, RAW_TRACEPOINT_OPEN 8, LINK_UPDATE 4, PROG_ATTACH and _DETACH 4.
  const named = [
    [commands.linkCreate, 0],
    [commands.rawTracepoint, 8],
    [commands.linkUpdate, 4],
    [commands.attach, 4],
    [commands.detach, 4],
  ] as const;
  for (const [command, offset] of named) {
    if (!request.commands.includes(command)) continue;
    const other = assembler.freshLabel('other');
    assembler.load('r7', 'r9', pending.command, 8).jumpIf('r7', '!=', command, other);
    assembler.load('r8', 'r9', pending.attributes + offset, 4);
    emitObjectId(to, objects, 'program', exitFrame.program);
    assembler.label(other);
  }
};

/** A text of the program's at the pointer in the attributes; what cannot be read stays empty. */
const emitText = ({ assembler }: Evaluation, command: number, pointer: number, at: number, bytes: number): void => {
  const none = assembler.freshLabel('no_text');
  for (let offset = 0; offset < bytes; offset += 8) assembler.store('r7', at + offset, 0, 8);
  assembler.load('r1', 'r9', pending.command, 8).jumpIf('r1', '!=', command, none);
  assembler.load('r3', 'r9', pending.attributes + pointer, 8).jumpIf('r3', '==', 0, none);
  assembler.mov('r1', 'r7').add('r1', at).mov('r2', bytes).call('probe_read_user_str').label(none);
};

const emitCall = (to: Evaluation, request: BpfProgramRequest): void => {
  const { assembler } = to;
  const layout = callLayout(request.callers !== undefined);
  assembler.loadMap('r1', request.maps.events).mov('r2', layout.size).mov('r3', 0).call('ringbuf_reserve');
  assembler.jumpIf('r0', '==', 0, 'full').mov('r7', 'r0');
  emitRecordHeader(to, { probe: request.probe, siteCookie: false });
  assembler.store('r7', kindOffset, recordKinds.call, 8);
  const copy = (from: number, at: number): void => {
    assembler.load('r1', 'r9', from, 8).store('r7', at, 'r1', 8);
  };
  assembler.load('r1', 'r6', result, 8).store('r7', call.result, 'r1', 8);
  copy(pending.time, call.entered);
  copy(pending.command, call.command);
  copy(pending.pointer, call.pointer);
  copy(pending.size, call.size);
  for (const [from, at] of [
    [exitFrame.flags, call.flags],
    [exitFrame.object, call.object],
    [exitFrame.program, call.program],
    [exitFrame.tag, call.tag],
    [exitFrame.left, call.logSize],
    [exitFrame.guesses, call.guesses],
    [exitFrame.guesses + 8, call.guesses + 8],
  ] as const)
    assembler.load('r1', 'r10', from, 8).store('r7', at, 'r1', 8);
  // license at 16 of BPF_PROG_LOAD, name at 0 of BPF_RAW_TRACEPOINT_OPEN.
  emitText(to, commands.programLoad, 16, call.license, licenseBytes);
  emitText(to, commands.rawTracepoint, 0, call.name, nameBytes);
  for (let offset = 0; offset < attributeBytes; offset += 8)
    copy(pending.attributes + offset, call.attributes + offset);
  assembler.mov('r1', 'r7').add('r1', call.comm).mov('r2', commBytes).call('get_current_comm');
  if (request.callers !== undefined) emitSourceStack(to, layout, { ...request.callers, elsewhere: false });
  emitRecordFaults(to);
  assembler.mov('r1', 'r7').mov('r2', 0).call('ringbuf_submit');
};

/** At sys_exit_bpf. */
export const buildExit = (request: BpfProgramRequest): Uint8Array => {
  const to = evaluation(request);
  const { assembler } = to;
  const { maps } = request;
  assembler.mov('r6', 'r1').call('get_current_pid_tgid').store('r10', frame.pidTid, 'r0', 8);
  assembler.loadMap('r1', maps.calls).mov('r2', 'r10').add('r2', frame.pidTid).call('map_lookup_elem');
  assembler.jumpIf('r0', '==', 0, 'out').mov('r9', 'r0').store('r10', exitFrame.remembered, 'r9', 8);
  emitCount(to, maps, 'hits');
  assembler.store('r10', frame.flags, 0, 8).store('r10', frame.captureFaults, 0, 8);
  assembler.store('r10', exitFrame.flags, 0, 8).store('r10', exitFrame.left, 0, 8);
  emitKernelGoroutine(to, request);
  emitGuesses(to, request.threadPointer);
  emitNumber(to, maps);
  emitSecondTry(to);
  if (request.commands.includes(commands.programLoad)) {
    assembler.load('r1', 'r9', pending.command, 8).jumpIf('r1', '!=', commands.programLoad, 'no_load');
    emitInstructions(to, request);
    emitLog(to, request);
    assembler.label('no_load');
  }
  emitIds(to, request);
  emitStopAfter(to, request);
  assembler.load('r9', 'r10', exitFrame.remembered, 8);
  emitCall(to, request);
  assembler.jump('forget').label('full');
  emitCount(to, maps, 'lost');
  emitCount(to, maps, 'dropped');
  assembler.label('forget').loadMap('r1', maps.calls).mov('r2', 'r10').add('r2', frame.pidTid).call('map_delete_elem');
  return assembler.label('out').mov('r0', 0).exit().assemble();
};
