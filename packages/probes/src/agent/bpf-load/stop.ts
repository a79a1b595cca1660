/** A stop after the system call: its goroutine is stopped at the next gate that it executes (program/armed-thread.ts). */
import { programTypeNames } from '@probelens/bpf';
import type { BpfWhat } from '../../bpf-load/call.js';
import { bpfFields } from '../../bpf-load/fields.js';
import { original } from '../../bpf-load/keywords.js';
import { lengthOf } from '../../plan/source-expressions.js';
import { emitArmThread } from '../../program/armed-thread.js';
import { emitExpression } from '../../program/evaluate.js';
import type { Evaluation, EventReads } from '../../program/evaluation.js';
import { frame } from '../../program/frame.js';
import { emitSignal } from '../../program/gate.js';
import * as refusal from '../refusal.js';
import { commands, commBytes, licenseBytes, pending } from './layout.js';
import { noAttachment, numberOf, onNumbers } from './names.js';
import { type BpfProgramRequest, exitFrame, result } from './request.js';

/** r8 = the field. r9 = the remembered call. */
type Emit = (to: Evaluation) => void;

/** u32 in union bpf_attr. */
const word =
  (offset: number): Emit =>
  ({ assembler }) => {
    assembler.load('r8', 'r9', pending.attributes + offset, 4);
  };

const flag =
  (offset: number): Emit =>
  (to) => {
    word(offset)(to);
    const none = to.assembler.freshLabel('none');
    to.assembler.jumpIf('r8', '==', 0, none).mov('r8', 1).label(none);
  };

const remembered =
  (offset: number): Emit =>
  ({ assembler }) => {
    assembler.load('r8', 'r9', offset, 8);
  };

const kept =
  (offset: number): Emit =>
  ({ assembler }) => {
    assembler.load('r8', 'r10', offset, 8);
  };

const errno: Emit = ({ assembler }) => {
  const known = assembler.freshLabel('known');
  assembler.load('r8', 'r6', result, 8).neg('r8').jumpIf('r8', 's>=', 0, known).mov('r8', 0).label(known);
};

const descriptor: Emit = ({ assembler }) => {
  const known = assembler.freshLabel('known');
  assembler.load('r8', 'r6', result, 8).jumpIf('r8', 's>=', 0, known).mov('r8', 0).label(known);
};

const refused: Emit = (to) => {
  errno(to);
  const none = to.assembler.freshLabel('none');
  to.assembler.jumpIf('r8', '==', 0, none).mov('r8', 1).label(none);
};

/** Programs of most types attach to nothing in particular, which is 0, too. */
const attachTypeOfLoad: Emit = (to) => {
  const { assembler } = to;
  const known = assembler.freshLabel('known');
  word(68)(to);
  assembler.jumpIf('r8', '!=', 0, known).load('r1', 'r9', pending.attributes, 4);
  assembler.jumpIf('r1', '==', programTypeNames.indexOf('cgroup_skb'), known).mov('r8', noAttachment).label(known);
};

/** Only the first of the calls names one. */
const attachTypeOfLink: Emit = (to) => {
  const { assembler } = to;
  const other = assembler.freshLabel('other');
  assembler.load('r1', 'r9', pending.command, 8).mov('r8', noAttachment);
  assembler.jumpIf('r1', '!=', commands.linkCreate, other);
  word(8)(to);
  assembler.label(other);
};

const everywhere: readonly (readonly [string, Emit])[] = [
  ['errno', errno],
  ['refused', refused],
  [numberOf('error'), errno],
];
const made: readonly (readonly [string, Emit])[] = [
  ['fd', descriptor],
  ['id', kept(exitFrame.object)],
];

/** Offsets in union bpf_attr, include/uapi/linux/bpf.h. */
const numbers: Readonly<Record<BpfWhat, ReadonlyMap<string, Emit>>> = {
  load: new Map([
    ...everywhere,
    ...made,
    [numberOf('type'), word(0)],
    [numberOf('attach'), attachTypeOfLoad],
    ['insns', word(4)],
    ['loglevel', word(24)],
    ['btf', flag(72)],
    ['lines', word(104)],
  ]),
  map: new Map([
    ...everywhere,
    ...made,
    [numberOf('type'), word(0)],
    ['keysize', word(4)],
    ['valuesize', word(8)],
    ['entries', word(12)],
  ]),
  link: new Map([
    ...everywhere,
    ...made,
    [numberOf('call'), remembered(pending.command)],
    [numberOf('attach'), attachTypeOfLink],
    ['program', kept(exitFrame.program)],
  ]),
  attach: new Map([
    ...everywhere,
    [numberOf('call'), remembered(pending.command)],
    [numberOf('attach'), word(8)],
    ['program', kept(exitFrame.program)],
  ]),
};

/** The scratch area = the text with its NUL, r8 = its length. Expects what it is read with in r2 and r3. */
const emitText = (to: Evaluation, helper: 'probe_read_kernel_str' | 'probe_read_user_str'): void => {
  const { assembler } = to;
  assembler.mov('r1', 'r10').add('r1', frame.scratch).call(helper);
  // Bytes with the NUL, or a negative errno.
  assembler.jumpIf('r0', 's<=', 0, to.fault).mov('r8', 'r0').sub('r8', 1);
};

/** 16 bytes of union bpf_attr. */
const nameAt =
  (offset: number): Emit =>
  (to) => {
    to.assembler
      .mov('r2', 16)
      .mov('r3', 'r9')
      .add('r3', pending.attributes + offset);
    emitText(to, 'probe_read_kernel_str');
  };

const license: Emit = (to) => {
  to.assembler.mov('r2', licenseBytes).load('r3', 'r9', pending.attributes + 16, 8);
  emitText(to, 'probe_read_user_str');
};

/** Name of the thread, by way of the upper end of the scratch area. */
const comm: Emit = (to) => {
  const { assembler } = to;
  const above = frame.scratch + 2 * commBytes;
  assembler.mov('r1', 'r10').add('r1', above).mov('r2', commBytes).call('get_current_comm');
  assembler.mov('r2', commBytes).mov('r3', 'r10').add('r3', above);
  emitText(to, 'probe_read_kernel_str');
};

const texts: Readonly<Record<BpfWhat, ReadonlyMap<string, Emit>>> = {
  load: new Map([
    ['name', nameAt(48)],
    ['license', license],
    ['comm', comm],
  ]),
  map: new Map([
    ['name', nameAt(28)],
    ['comm', comm],
  ]),
  link: new Map([['comm', comm]]),
  attach: new Map([['comm', comm]]),
};

const isKnown = (what: BpfWhat, name: string): boolean =>
  [name, numberOf(name)].some((each) => numbers[what].has(each)) || texts[what].has(name);

const unknown = (what: BpfWhat, name: string): never => {
  const known = bpfFields(what)
    .map((field) => field.name)
    .filter((each) => isKnown(what, each));
  throw refusal.unsupported(
    `A stop by ${original(name)}, or a comparison like that of it,`,
    `a stop is decided in the kernel, where ${known.join(', ')} are known and texts are compared with literals; leave it out, or use \`do log\``,
  );
};

const readsOf = (what: BpfWhat): EventReads => {
  const emit = (to: Evaluation, name: string, found: Emit | undefined): void => {
    to.assembler.load('r9', 'r10', exitFrame.remembered, 8);
    (found ?? unknown(what, name))(to);
  };
  const length = lengthOf('');
  return {
    emitField: (to, name) => {
      const text = name.startsWith(length) ? original(name.slice(length.length)) : undefined;
      emit(to, text ?? name, text === undefined ? numbers[what].get(original(name)) : texts[what].get(text));
    },
    emitText: (to, name) => emit(to, name, texts[what].get(original(name))),
  };
};

/** Uses r8 and r9; expects the goroutine in the frame. Throws `Refused` for a condition that the kernel cannot decide. */
export const emitStopAfter = (to: Evaluation, request: BpfProgramRequest): void => {
  const { stop, what, condition, maps, probe } = request;
  if (stop === 'none') return;
  const { assembler } = to;
  const spared = assembler.freshLabel('spared');
  if (condition !== undefined) {
    // What is read the kernel has just read itself, so a fault is what Go would panic at: false as a whole (condition.ts).
    emitExpression({ ...to, fault: spared, event: readsOf(what) }, onNumbers(condition, what));
    assembler.jumpIf('r8', '==', 0, spared);
  }
  if (stop === 'halt') emitSignal(to, maps, 'halt');
  else if (maps.armedThreads !== undefined) emitArmThread(to, maps, maps.armedThreads, probe);
  assembler.label(spared);
};
