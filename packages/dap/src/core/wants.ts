/** Reads set-breakpoints requests: what is wanted, and whether the kernel may be asked. Pure functions of the request. */
import { withGoroutine } from './goroutine-condition.js';
import { parseHitCondition } from './hit-condition.js';
import type { DelvePlaces, PlanItem, WantedAction } from './kernel-words.js';
import { isLent } from './lent.js';
import type { JsonObject, Request } from './message.js';
import { listOf, numberOf, objectOf, stringOf, textOf } from './message.js';
import type { GroupKey, Placed, Want } from './state/breakpoints.js';
import type { SessionState } from './state/state.js';

export const functionsGroup: GroupKey = 'functions';
const sourcePrefix = 'source:';

export const groupOf = (request: Request): GroupKey | undefined => {
  if (request.command === 'setFunctionBreakpoints') return functionsGroup;
  const path = textOf(objectOf(objectOf(request.arguments).source).path);
  return path === undefined ? undefined : `${sourcePrefix}${path}`;
};

export const pathOfGroup = (group: GroupKey): string | undefined =>
  group.startsWith(sourcePrefix) ? group.slice(sourcePrefix.length) : undefined;

const badHitCondition = 'The hit condition must be a number, or one behind ==, !=, <, <=, >, >= or %.';
const countedThere =
  "In Delve: it has counted this breakpoint's hits so far; remove it and set it again to begin anew.";
const twiceInDelve = 'In Delve: the kernel has another breakpoint of this line already.';

/** What of a breakpoint may go to the kernel; a sentence where it may not although somebody could think so. */
const eligible = (
  raw: JsonObject,
  alone: boolean,
): { readonly action: WantedAction | undefined; readonly reason: string | undefined } => {
  const logMessage = textOf(raw.logMessage);
  const hitCondition = textOf(raw.hitCondition);
  const condition = textOf(raw.condition);
  if (hitCondition !== undefined && parseHitCondition(hitCondition) === undefined)
    return { action: undefined, reason: alone ? badHitCondition : undefined };
  if (logMessage !== undefined) return { action: { kind: 'log', template: logMessage }, reason: undefined };
  const wanted = condition !== undefined || hitCondition !== undefined || alone;
  return { action: wanted ? { kind: 'stop' } : undefined, reason: undefined };
};

/** What Delve would answer exactly as the kernel does, and needs no memory of: it counts hits for itself. */
const mayYield = (raw: JsonObject, action: WantedAction): boolean =>
  action.kind === 'stop' && textOf(raw.hitCondition) === undefined;

/** Clients send all breakpoints again with each change, so what "current" means is decided once. */
export interface Background {
  readonly selected: number | undefined;
  readonly before: readonly Placed[];
  /** The program has run: breakpoints may have been hit. */
  readonly begun: boolean;
  /** There is no Delve: every breakpoint is the kernel's. */
  readonly alone: boolean;
}

/** Nobody can tell Delve's count to the kernel: where Delve has counted hits, it counts on. */
const countsInDelve = (raw: JsonObject, key: string, { before, begun, alone }: Background): string | undefined => {
  const old = before.find((placed) => placed.key === key);
  if (alone || !begun || textOf(raw.hitCondition) === undefined || old?.home !== 'delve') return undefined;
  const said = textOf(old.answer.message);
  return said?.startsWith('In Delve: ') === true && textOf(old.raw.hitCondition) !== undefined ? said : countedThere;
};

const withHits = (item: PlanItem | undefined, hitCondition: string | undefined): PlanItem | undefined => {
  const hits = hitCondition === undefined ? undefined : parseHitCondition(hitCondition);
  return hits === undefined || (item?.kind !== 'function' && item?.kind !== 'line') ? item : { ...item, hits };
};

const wantOf = (
  asked: JsonObject,
  place: (action: WantedAction, condition: string | undefined) => PlanItem | undefined,
  key: string,
  background: Background,
): Want => {
  const { selected, before, alone } = background;
  const written = textOf(asked.condition);
  const old = before.find((want) => want.key === key && want.written === written && want.condition !== written);
  const read = written === undefined || old !== undefined ? undefined : withGoroutine(written, selected);
  const condition = read === undefined ? old?.condition : read.ok ? read.condition : written;
  const raw: JsonObject = condition === written ? asked : { ...asked, condition };
  const counting = countsInDelve(raw, key, background);
  const { action, reason } =
    read?.ok === false
      ? { action: undefined, reason: read.message }
      : counting === undefined
        ? eligible(raw, alone)
        : { action: undefined, reason: counting };
  return {
    key,
    raw,
    condition,
    written,
    hitCondition: textOf(raw.hitCondition),
    logMessage: textOf(raw.logMessage),
    line: numberOf(raw.line),
    item: action === undefined ? undefined : withHits(place(action, condition), textOf(raw.hitCondition)),
    reason,
  };
};

/** The same key twice: the second is Delve's, which refuses it where it has the first too ("breakpoint already exists"). */
const withoutDoubles = (wants: readonly Want[]): readonly Want[] => {
  const seen = new Map<string, Want>();
  return wants.map((want) => {
    const first = seen.get(want.key);
    if (first === undefined) {
      seen.set(want.key, want);
      return want;
    }
    const reason = first.item === undefined ? want.reason : twiceInDelve;
    return { ...want, key: `${want.key} again`, item: undefined, reason };
  });
};

export const wantsOf = (request: Request, background: Background): readonly Want[] => {
  const args = objectOf(request.arguments);
  const path = textOf(objectOf(args.source).path);
  const wants = listOf(args.breakpoints).map((value): Want => {
    const raw = objectOf(value);
    if (request.command === 'setFunctionBreakpoints') {
      const name = textOf(raw.name);
      // Delve reads no log message here and would stop at every call (clients.md): the kernel does not either.
      const plain: JsonObject = { ...raw, logMessage: undefined };
      return wantOf(
        plain,
        (action, condition) => (name === undefined ? undefined : { kind: 'function', name, condition, action }),
        name ?? '',
        background,
      );
    }
    const line = numberOf(raw.line);
    return wantOf(
      raw,
      (action, condition) =>
        line === undefined || path === undefined
          ? undefined
          : { kind: 'line', file: path, line, condition, action, ...(mayYield(raw, action) && { yielding: true }) },
      `${line ?? 0}:${numberOf(raw.column) ?? 0}`,
      background,
    );
  });
  return withoutDoubles(wants);
};

/** Equal enough to leave what is armed in place. */
export const sameWant = (one: Want, other: Want): boolean =>
  one.key === other.key &&
  one.condition === other.condition &&
  one.hitCondition === other.hitCondition &&
  one.logMessage === other.logMessage;

/** Where an instruction breakpoint is, in memory. */
export const instructionAddress = (breakpoint: unknown): bigint | undefined => {
  const { instructionReference, offset } = objectOf(breakpoint);
  const text = stringOf(instructionReference) ?? '';
  if (!/^(?:0x[0-9a-f]+|\d+)$/i.test(text)) return undefined;
  return BigInt(text) + BigInt(Math.trunc(numberOf(offset) ?? 0));
};

/** Where Delve has breakpoints, or will have when `wants` of `group` that nobody plans for are set. */
export const delvePlaces = (state: SessionState, group: GroupKey, wants: readonly Want[]): DelvePlaces => {
  const lines: { file: string; line: number }[] = [];
  const functions: string[] = [];
  const add = (key: GroupKey, want: Want): void => {
    const file = pathOfGroup(key);
    if (file !== undefined && want.line !== undefined) lines.push({ file, line: want.line });
    else if (key === functionsGroup) functions.push(want.key);
  };
  for (const other of state.groups.values()) {
    if (other.key === group) continue;
    for (const placed of other.placed) if (placed.home === 'delve') add(other.key, placed);
  }
  for (const want of wants) {
    // What the kernel lost is Delve's as well.
    const lost = state.fallen.has(`${group}\n${want.key}`) || isLent(state, group, want.key);
    if (want.item === undefined || lost) add(group, want);
  }
  const instructions = state.instructions.map(instructionAddress).filter((address) => address !== undefined);
  return { lines, functions, instructions };
};
