/** Scopes, variables and expressions in the frames of a moment: only what was captured can be shown. */
import type { CapturedValue } from '@probelens/probes';
import { errors } from '../errors.js';
import { isAtLoad } from './bpf/calls.js';
import { bpfScope } from './bpf/scope.js';
import { firstMomentReference } from './ids.js';
import { isObject, type JsonObject, numberOf, objectOf, type Request, stringOf } from './message.js';
import { momentAtFrame } from './moments.js';
import { content, refer, shownRow, spoken } from './shown-row.js';
import type { Moment, Row } from './state/moments.js';
import type { Turn } from './turn.js';

const rowOf = ({ name, text, type, json }: CapturedValue): Row => ({ name, value: text, type, inside: json });

const kernelRows = ({ goroutine, thread, cpu, time }: Moment): readonly Row[] => [
  { name: 'goroutine', value: String(goroutine), type: 'int', inside: undefined },
  { name: 'thread', value: String(thread), type: 'int', inside: undefined },
  { name: 'CPU', value: String(cpu), type: 'int', inside: undefined },
  { name: 'time', value: `${time} ns since the machine started`, type: '', inside: undefined },
];

/** True when the frame is one of ours. Values are known of the innermost frame only. */
export const onMomentScopes = (turn: Turn, request: Request): boolean => {
  const found = momentAtFrame(turn.state, request);
  if (found === undefined) return false;
  const { moment, depth } = found;
  const scope = (name: string, rows: readonly Row[]): readonly JsonObject[] =>
    rows.length === 0 ? [] : [{ name, variablesReference: refer(turn, rows), expensive: false }];
  const scopes =
    depth > 0
      ? []
      : [
          ...scope('Captured', moment.values.map(rowOf)),
          ...scope('Kernel', kernelRows(moment)),
          ...(isAtLoad(turn.state, moment) ? [bpfScope] : []),
        ];
  turn.answer(request, { scopes });
  return true;
};

/** True when the reference is one of ours. */
export const onMomentVariables = (turn: Turn, request: Request): boolean => {
  const reference = numberOf(objectOf(request.arguments).variablesReference) ?? 0;
  const rows = turn.state.moments.rows.get(reference - firstMomentReference);
  if (rows === undefined) return reference >= firstMomentReference && refuseStale(turn, request);
  turn.answer(request, { variables: rows.map((row) => shownRow(turn, row)) });
  return true;
};

const refuseStale = (turn: Turn, request: Request): boolean => {
  turn.refuse(request, errors.staleReference());
  return true;
};

/** A captured name, and a way into it: `o`, `o.Symbol`, `o.Lines[2].Qty`. */
const path = /^([^.[\]]+)((?:\.\w+|\[\d+\])*)$/;

const within = (value: unknown, way: string): unknown =>
  [...way.matchAll(/\.(\w+)|\[(\d+)\]/g)].reduce<unknown>((whole, [, field, index]) => {
    const inner = content(whole);
    if (field !== undefined) return isObject(inner) ? inner[field] : undefined;
    return Array.isArray(inner) ? inner[Number(index)] : undefined;
  }, value);

const find = (moment: Moment, expression: string): Row | undefined => {
  const whole = moment.values.find(({ name }) => name === expression);
  if (whole !== undefined) return rowOf(whole);
  const [, name, way = ''] = path.exec(expression) ?? [];
  const inside = within(moment.values.find((value) => value.name === name)?.json, way);
  return inside === undefined ? undefined : { name: expression, value: spoken(inside), type: '', inside };
};

/** The captured value, or a refusal that says what there is. */
export const evaluateInMoment = (turn: Turn, request: Request, moment: Moment): void => {
  const expression = (stringOf(objectOf(request.arguments).expression) ?? '').trim();
  const row = find(moment, expression);
  if (row === undefined) {
    turn.refuse(
      request,
      errors.notCaptured(
        expression,
        moment.values.map(({ name }) => name),
      ),
    );
    return;
  }
  const { value, type, variablesReference } = shownRow(turn, row);
  turn.answer(request, { result: value, type, variablesReference });
};

/** True when the frame is one of ours. */
export const onMomentEvaluate = (turn: Turn, request: Request): boolean => {
  const found = momentAtFrame(turn.state, request);
  if (found === undefined) return false;
  evaluateInMoment(turn, request, found.moment);
  return true;
};

/** A snapshot as one tree: its values, then its callers. */
export const treeOf = (turn: Turn, moment: Moment): number => {
  const callers = (moment.frames ?? []).map(({ name, file, line }, depth) => ({
    name: `#${depth}`,
    value: file === undefined ? name : `${name} (${file}:${line})`,
    type: '',
    inside: undefined,
  }));
  return refer(turn, [...moment.values.map(rowOf), ...callers]);
};
