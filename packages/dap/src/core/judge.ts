/** A condition that the kernel could not read (a page was not there): Delve evaluates it in the hit's own frame. */
import { gateOf } from './gates.js';
import { listOf, numberOf, objectOf, type Response, stringOf } from './message.js';
import type { Hit } from './state/hit.js';
import type { Turn } from './turn.js';

export const judge = (turn: Turn, hit: Hit): void => {
  turn.toDelve('stackTrace', { threadId: hit.goroutine, startFrame: 0, levels: 1 }, { kind: 'judge-stack', hit });
};

export type Verdict = { readonly holds: boolean; readonly text: string | undefined };

/** Undefined: a further question was sent to Delve. */
export const onJudgeStack = (turn: Turn, hit: Hit, response: Response): Verdict | undefined => {
  const frame = numberOf(objectOf(listOf(objectOf(response.body).stackFrames)[0]).id);
  const expression = gateOf(turn, hit.probe)?.condition;
  if (expression === undefined) return { holds: true, text: undefined };
  if (!response.success || frame === undefined)
    return { holds: true, text: 'The condition could not be judged: Delve has no frame here.' };
  turn.toDelve('evaluate', { expression, frameId: frame, context: 'watch' }, { kind: 'judge-condition', hit });
  return undefined;
};

/** As in Delve, a condition that cannot be evaluated stops the program and says why. */
export const onJudgeCondition = (response: Response): Verdict => {
  const result = stringOf(objectOf(response.body).result);
  if (response.success && (result === 'true' || result === 'false'))
    return { holds: result === 'true', text: undefined };
  const detail = stringOf(objectOf(objectOf(response.body).error).format) ?? result ?? 'no answer';
  return { holds: true, text: `The condition could not be judged: ${detail}` };
};
